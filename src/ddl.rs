//! Vocabulary: what a statement of a script is, and what a DDL statement asks for.
//! Plain data, filled by `pg` from Postgres's own parse trees.

/// One statement as the parser delimits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedStatement {
    /// Byte offset in the script where the parser says it begins (blanks and comments included).
    pub start: usize,
    /// Byte offset just past its last character; the semicolon is not part of it.
    pub end: usize,
    /// Postgres's command tag, such as `CREATE TABLE`.
    pub tag: String,
    pub nature: Nature,
    /// The setting that a session-level SET or RESET changes.
    pub setting: Option<String>,
}

/// How a statement can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Runs in a transaction with others.
    Transactional,
    /// Refuses a transaction block, or may commit: runs alone, at top level.
    TopLevel(Interruption),
    /// Cannot be part of a migration.
    Unsupported(Unsupported),
}

/// What is known about a top-level statement that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// `CREATE INDEX CONCURRENTLY`: the catalogue tells. `index` is as written, absent when Postgres names it.
    ConcurrentIndex { table: Name, index: Option<String> },
    /// `REINDEX ... CONCURRENTLY`: may leave invalid `_ccnew` indexes behind; can be repeated.
    ConcurrentReindex,
    /// `DROP INDEX CONCURRENTLY`: done when the index is gone. May leave it invalid; can be repeated.
    ConcurrentDrop { index: Name },
    /// `CALL migrator.backfill(...)`: resumes; its own ledger tells when it is done.
    Backfill,
    /// Can simply be repeated (VACUUM, REINDEX).
    Repeatable,
    /// An error says that it did not take effect (CREATE DATABASE); after a crash only a person can know.
    AllOrNothing,
    /// Only a person can know whether, or how far, it took effect, even after an error (a procedure may have committed).
    Unknowable,
}

/// Why a statement cannot be part of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and the like.
    TransactionControl,
    /// COPY from or to the client.
    CopyThroughClient,
    /// DROP EXTENSION migrator.
    DropMigrator,
    /// DISCARD: would drop the session's locks and plans from under the runner.
    Discard,
}

/// A relation's name as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
}

/// What a clause given to the backfill turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetClause {
    /// Columns it assigns.
    pub columns: Vec<String>,
}

/// DDL that the guard looks at, before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardedDdl {
    /// ALTER TABLE with at least one ADD COLUMN that would be NOT NULL and empty.
    /// `more` says that the statement does other things too, which a recipe for the columns leaves out.
    AddRequiredColumns { relation: Relation, columns: Vec<RequiredColumn>, more: bool },
    /// CREATE INDEX without CONCURRENTLY, of an index that does not exist yet.
    CreateIndex { relation: Relation, index: IndexDefinition },
}

/// A new column that is NOT NULL and has nothing to fill it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredColumn {
    /// As in pg_attribute.
    pub name: String,
    /// Quoted where needed.
    pub quoted: String,
    /// The type as Postgres writes it, type modifier and COLLATE included.
    pub type_name: String,
    /// A neutral value of the type as SQL, when there is an obvious one.
    pub neutral_value: Option<String>,
    /// A free name for a constraint on it, quoted where needed.
    pub constraint: String,
}

/// A relation that exists. `leaves` are the tables a statement on it works on: itself, its partitions or children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// Quoted where needed, and schema-qualified.
    pub quoted: String,
    pub partitioned: bool,
    pub leaves: Vec<u32>,
}

/// The parts of a CREATE INDEX that a hint needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    pub unique: bool,
    /// `IF NOT EXISTS` and the name as the user gave them, quoted where needed; empty, or followed by a blank.
    pub name_clause: String,
    /// What stands behind the table's name, on one line; `None` when it could not be read without waiting for a lock.
    pub body: Option<String>,
    /// Equal for definitions of the same index on another table of the tree, see `pg::index_statement::shape`.
    pub shape: String,
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

/// Whether a table holds a row that is visible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Rows,
    Empty,
    /// Another session's ACCESS EXCLUSIVE lock keeps us from looking without waiting.
    Locked,
}
