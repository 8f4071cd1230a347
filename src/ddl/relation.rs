//! A relation as the guard sees it.

/// A relation that exists. `leaves` are the tables a statement on it works on: itself, its partitions or children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// Quoted where needed, and schema-qualified.
    pub quoted: String,
    /// pg_class.relkind.
    pub kind: char,
    pub partitioned: bool,
    /// The statement names it with ONLY: what inherits from it is left alone.
    pub only: bool,
    /// What it is a partition of.
    pub partition_of: Option<u32>,
    /// Tables and materialized views with storage, that existed before.
    pub leaves: Vec<u32>,
}

/// Whether a table holds a row that is visible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Rows,
    Empty,
    /// Another session's ACCESS EXCLUSIVE lock keeps us from looking without waiting.
    Locked,
}
