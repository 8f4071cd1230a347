//! Changing many rows in small committed batches.

mod progress;
mod run;
mod work;

pub use run::run;
pub use work::Request;
