//! The backfills' part of the ledger, and the statements a backfill runs.
//!
//! The ledger is written as the owner. The statements on the table run as the caller, under the caller's search_path,
//! because the clauses are the caller's; our own parts of them are schema-qualified down to the operator.

pub mod control;
pub mod errors;
pub mod outlook;
pub mod range;
pub mod run;
pub mod statement;
pub mod target;
pub mod unit;

use super::keys::Key;

/// What the caller wants changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clauses {
    /// What stands behind SET.
    pub set: String,
    /// Which rows still need it; `None` for every row once.
    pub condition: Option<String>,
}

/// In which order rows are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Along a unique key.
    Key,
    /// Page by page. Rows that move are left to the sweep, so it needs a condition.
    Physical,
}

impl Walk {
    /// As the ledger has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Physical => "physical",
        }
    }

    /// From the ledger.
    pub fn named(name: &str) -> Self {
        if name == "key" { Self::Key } else { Self::Physical }
    }
}

/// A table that is walked: the target, or one of its partitions or children.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub ordinal: u32,
    pub relation: u32,
    /// Quoted where needed, and schema-qualified.
    pub name: String,
    /// The name by which the clauses may call it, where it is not the target itself.
    pub alias: Option<String>,
    /// Its own rows only.
    pub only: bool,
    pub walk: Walk,
    pub key: Option<Key>,
    /// 1 is no striping.
    pub stripes: u32,
    /// Rows on a page, by the statistics; for progress only.
    pub density: f64,
}

/// From a position (exclusive for keys, inclusive for blocks; `None` is the beginning) to one (the other way round), in
/// JSON: a key as an array, or the number of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Option<String>,
    pub to: String,
}

/// One of the stripes that a span is changed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripe {
    pub number: u32,
    pub of: u32,
}
