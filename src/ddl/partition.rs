//! Partitions as data: what a table lacks that becomes one. And new tables.

use super::Relation;

/// ATTACH PARTITION, with the reasons for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub partition: Relation,
    /// FOR VALUES ... or DEFAULT; `None` when the parent could not be read without waiting.
    pub bound: Option<String>,
    /// What is checked row by row because nothing proves it.
    pub unproven: Vec<Unproven>,
    /// Indexes of the parent for which the partition has none.
    pub builds: Vec<MissingIndex>,
    /// Foreign keys of the parent that the partition's rows are checked against.
    pub validates: Vec<MissingKey>,
}

/// A condition that every row of a table must satisfy, and that its constraints do not imply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The new partition, or the DEFAULT partition.
    pub table: Relation,
    /// It is the DEFAULT partition, which must hold no row of the new one.
    pub of_default: bool,
    /// As SQL, for a CHECK that proves it; `None` when it could not be read, or when no CHECK can prove it.
    pub condition: Option<String>,
    /// A free name for that CHECK, quoted where needed.
    pub name: String,
    /// The leaves that are scanned.
    pub scanned: Vec<u32>,
}

/// An index that a table gets because the table it becomes a partition of has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingIndex {
    /// The table it is built on.
    pub leaf: u32,
    /// Quoted and qualified.
    pub table: String,
    pub unique: bool,
    /// The name it will get, quoted where needed.
    pub name: String,
    /// What stands behind the table's name in its CREATE INDEX; `None` for one that cannot be made CONCURRENTLY.
    pub body: Option<String>,
    /// `PRIMARY KEY` or `UNIQUE`, with DEFERRABLE where it is; `None` when no constraint goes with it.
    pub constraint: Option<String>,
}

/// A foreign key that a table gets because the table it becomes a partition of has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// Tables whose rows are checked.
    pub leaves: Vec<u32>,
    /// Quoted and qualified.
    pub table: String,
    /// Its name, quoted where needed.
    pub name: String,
    /// The table has it, NOT VALID.
    pub exists: bool,
    /// FOREIGN KEY ...; `None` when it could not be read.
    pub definition: Option<String>,
}

/// CREATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTable {
    /// Qualified and quoted.
    pub quoted: String,
    /// IF NOT EXISTS found a relation of that name.
    pub exists: bool,
    pub temporary: bool,
    /// PARTITION OF this table.
    pub partition_of: Option<Relation>,
    /// FOR VALUES ... or DEFAULT.
    pub bound: Option<String>,
    /// The DEFAULT partition, if it is scanned.
    pub unproven: Option<Unproven>,
    /// UNLOGGED, USING, PARTITION BY, WITH, TABLESPACE as SQL, where they can be written behind a LIKE: what stands before
    /// `TABLE` and behind the parenthesis. `None` when columns or constraints are listed.
    pub clauses: Option<(String, String)>,
    /// Tables that its foreign keys reference.
    pub references: Vec<Relation>,
}
