//! Every SQL string of the crate, one file per subject; rows become structs here.
//! The ledger is read and written as the extension's owner, with a pinned search_path.

pub mod activity;
pub mod backfill;
pub mod constraints;
pub mod ddl_log;
pub mod dependents;
pub mod events;
pub mod functions;
pub mod indexes;
pub mod keys;
pub mod ledger;
pub mod locks;
pub mod ownership;
pub mod partitions;
pub mod policies;
pub mod policy;
pub mod progress;
pub mod publications;
pub mod references;
pub mod retyping;
pub mod retyping_begun;
pub mod rights;
pub mod roles;
pub mod sequences;
pub mod session;
pub mod signals;
pub mod storage;
pub mod types;
pub mod usage;
pub mod views;
