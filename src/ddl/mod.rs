//! Vocabulary: what a statement of a script is, and what a DDL statement asks for.
//! Plain data, filled by `pg` from Postgres's own parse trees and catalogue.

mod change;
pub mod clauses;
mod column;
mod effect;
mod index;
mod lock;
mod moment;
mod partition;
mod prior;
mod relation;
mod script;

pub use change::*;
pub use column::*;
pub use effect::*;
pub use index::*;
pub use lock::*;
pub use moment::*;
pub use partition::*;
pub use prior::*;
pub use relation::*;
pub use script::*;
