//! CREATE INDEX as data.

/// The parts of a CREATE INDEX that a hint needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    pub unique: bool,
    /// `IF NOT EXISTS` and the name as the user gave them, quoted where needed; empty, or followed by a blank.
    pub name_clause: String,
    /// What stands behind the table's name, on one line; `None` when it could not be read without waiting for a lock.
    pub body: Option<String>,
    /// Equal for definitions of the same index on another table of the tree, see `pg::analysis::index_statement::shape`.
    pub shape: String,
    /// An invalid index of the table has the name that it is to have: its oid.
    pub invalid: Option<u32>,
    /// For a partitioned table: its tree, parents before children.
    pub tree: Vec<TreeNode>,
}

/// One relation of a partition tree and the index it would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeNode {
    pub oid: u32,
    /// Quoted where needed, and schema-qualified.
    pub quoted: String,
    /// A free name for its index (the root's: as given), quoted where needed.
    pub index: String,
    /// The same, schema-qualified.
    pub qualified_index: String,
    /// The parent's index; `None` for the root.
    pub parent_index: Option<String>,
    pub kind: NodeKind,
}

/// What a relation of a partition tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Partitioned,
    Leaf,
    /// Has no indexes.
    Foreign,
}
