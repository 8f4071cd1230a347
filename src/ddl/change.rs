//! What a DDL statement asks for: its commands, and the work each of them makes Postgres do.

use super::{
    Attachment, Column, ConstraintKind, IndexDefinition, LockMode, Locked, Moment, NewColumn, NewConstraint, NewTable,
    Relation,
};

/// One statement, analysed before it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ddl {
    /// Postgres's command tag, such as `ALTER TABLE`.
    pub tag: String,
    /// Its commands, in the order written. Empty for what the guard has nothing to say about.
    pub changes: Vec<Change>,
    /// The relations it locks, the subject first; `None` where that is not known or was not asked for.
    pub locks: Option<Vec<Locked>>,
    /// What else goes on when it is judged.
    pub moment: Moment,
}

/// One command of a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The relation it is about; `None` for types, schemas, functions and the like.
    pub on: Option<Relation>,
    pub kind: ChangeKind,
    /// The lock it takes on `on`, as Postgres itself says.
    pub lock: Option<LockMode>,
    /// The command as a whole statement with qualified names, without semicolon; `None` when it could not be written.
    pub sql: Option<String>,
    /// What Postgres will do to rows that exist.
    pub work: Vec<Work>,
}

/// Work on the rows of one table that existed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// A table or materialized view with storage: a leaf.
    pub relation: u32,
    pub kind: WorkKind,
    /// The strongest lock on it that the transaction holds during the work.
    pub lock: LockMode,
    /// That lock was taken by an earlier statement of the transaction.
    pub held_before: bool,
}

/// What Postgres does with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    /// Reads them all to check something.
    Scan,
    /// Reads them all and builds an index.
    Build,
    /// Copies the files block by block.
    Copy,
    /// Writes every row anew, and builds every index anew.
    Rewrite,
}

impl WorkKind {
    /// As a plan names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Build => "index build",
            Self::Copy => "copy",
            Self::Rewrite => "rewrite",
        }
    }
}

/// An object that a statement drops or renames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// pg_class.oid of its catalogue, and its oid there; 0 when it is not known.
    pub class: u32,
    pub oid: u32,
    /// Sub-object, such as a column's number.
    pub sub: i32,
    /// Its kind, as in COMMENT ON: `TABLE`, `INDEX`, `SCHEMA`.
    pub kind: String,
    /// As SQL names it: qualified and quoted.
    pub identity: String,
    pub relation: Option<Relation>,
}

/// What a command does. Names are the grammar's.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    // ALTER TABLE.
    /// `others` are the columns that the same statement adds, for recipes; `if_not_exists` as written.
    AddColumn {
        new: NewColumn,
        if_not_exists: bool,
    },
    DropColumn {
        column: Column,
        cascade: bool,
    },
    AlterType {
        column: Column,
        /// The new type as Postgres writes it, COLLATE included.
        to: String,
        /// As SQL.
        using: Option<String>,
        /// Definitions of CHECK constraints that are checked again, of indexes that are built again (by oid), and of
        /// foreign keys that are checked again (by oid).
        rechecked: Vec<u32>,
        rebuilt: Vec<u32>,
        revalidated: Vec<u32>,
        /// What Postgres would do to the rows if no other object used the column, for which it refuses the change.
        withheld: Vec<Work>,
        /// What the same statement drops before, with all that goes with it, by oid.
        dropped: Vec<u32>,
        /// Postgres refuses it whatever else is dropped: no cast, a partition key, a type that is stored elsewhere.
        refused: bool,
    },
    SetNotNull {
        column: Column,
        /// A not-null constraint on it that is NOT VALID, from 18.
        unvalidated: Option<String>,
        /// A CHECK that is NOT VALID and would prove it, quoted where needed; and whether it says nothing else and has a
        /// name that hints give.
        unproven: Option<(String, bool)>,
        /// A free name for a constraint on it, quoted where needed.
        free_name: String,
    },
    DropNotNull {
        column: Column,
    },
    SetDefault {
        column: Column,
        default: Option<String>,
    },
    SetExpression {
        column: Column,
        /// True for STORED.
        stored: bool,
    },
    /// `replaced` says that the same statement lets the column have its values otherwise.
    DropExpression {
        column: Column,
        replaced: bool,
    },
    DropIdentity {
        column: Column,
        replaced: bool,
    },
    AddConstraint(NewConstraint),
    AlterConstraint {
        name: String,
        /// Some(true) for ENFORCED, Some(false) for NOT ENFORCED.
        enforced: Option<bool>,
        /// Of a not-null constraint that becomes INHERIT: its column.
        inherited: Option<Column>,
    },
    ValidateConstraint {
        name: String,
        kind: ConstraintKind,
    },
    DropConstraint {
        name: String,
        kind: ConstraintKind,
        oid: u32,
        cascade: bool,
    },
    SetPersistence {
        logged: bool,
    },
    SetAccessMethod {
        name: String,
    },
    SetTablespace {
        name: String,
        /// What is moved when it is not the relation itself: `index "i"`, `3 tables`.
        what: Option<String>,
        /// Statements that come to the same without blocking: for indexes.
        online: Vec<String>,
    },
    AttachPartition(Attachment),
    DetachPartition {
        partition: Relation,
        concurrently: bool,
        finalize: bool,
        /// The parent has a DEFAULT partition.
        default: Option<Relation>,
    },
    /// ENABLE or DISABLE TRIGGER; `all` also switches foreign keys off.
    Trigger {
        enable: bool,
        all: bool,
        name: Option<String>,
    },
    RowSecurity {
        enable: bool,
    },
    ReplicaIdentity {
        nothing: bool,
    },
    /// A command of ALTER TABLE that is none of the above.
    OtherAlter,

    // Indexes.
    CreateIndex(IndexDefinition),
    CreateIndexConcurrently {
        index: IndexDefinition,
        if_not_exists: bool,
        /// Of a partitioned table, for which Postgres refuses it: what it would do without CONCURRENTLY; `None` where it
        /// would refuse that, too.
        withheld: Option<Vec<Work>>,
    },
    Reindex {
        concurrently: bool,
        /// The same with CONCURRENTLY; none when nothing of it can be built so.
        instead: Vec<String>,
        /// Table by table or index by index, for a transaction block.
        each: Vec<String>,
        /// Indexes that CONCURRENTLY leaves out: those of exclusion constraints.
        left_out: Vec<String>,
        /// `table s.t`, for messages.
        what: String,
        /// A transaction for each table.
        separately: bool,
    },

    // Tables.
    CreateTable(NewTable),
    RefreshView {
        concurrently: bool,
        /// It has the unique index that CONCURRENTLY needs.
        can_be: bool,
    },
    CreateTrigger {
        name: String,
    },

    // Types.
    /// ALTER DOMAIN ADD CHECK / VALIDATE / SET NOT NULL; `on` of the change is `None`.
    AlterDomain {
        domain: Object,
        /// `ADD`, `VALIDATE`, `SET NOT NULL`, `DROP`.
        command: DomainCommand,
        constraint: Option<String>,
        not_valid: bool,
    },
    CreateDomain {
        name: String,
        constrained: bool,
    },
    CreateEnum {
        name: String,
    },
    AddEnumValue {
        enumeration: Object,
        value: String,
        positioned: bool,
    },
    RenameEnumValue {
        enumeration: Object,
        value: String,
        to: String,
    },
    /// ALTER TYPE ... ADD ATTRIBUTE.
    AddAttribute {
        composite: Object,
        attribute: String,
        cascade: bool,
    },
    /// ALTER TYPE ... DROP ATTRIBUTE.
    DropAttribute {
        composite: Object,
        attribute: String,
        cascade: bool,
    },
    /// ALTER TYPE ... ALTER ATTRIBUTE ... TYPE; CASCADE changes typed tables.
    AlterAttribute {
        composite: Object,
        attribute: String,
        to: String,
        cascade: bool,
    },

    // Everything.
    Drop {
        objects: Vec<Object>,
        cascade: bool,
        concurrently: bool,
    },
    /// `of` is the object with its present name; a column's `sub` is its number.
    Rename {
        of: Object,
        column: Option<Column>,
        to: String,
    },
    SetSchema {
        of: Object,
        to: String,
    },
    /// CREATE OR REPLACE FUNCTION of one that exists.
    ReplaceFunction {
        function: Object,
    },
    /// CREATE PUBLICATION, ALTER PUBLICATION ADD / SET TABLE: what it publishes anew.
    Publish {
        publication: String,
        tables: Vec<Relation>,
        /// TABLES IN SCHEMA, by oid.
        schemas: Vec<u32>,
        /// ALL TABLES.
        all: bool,
    },
    AlterSequence {
        sequence: Object,
    },

    // No event is fired for them: seen in scripts, and where the library is preloaded.
    Truncate {
        tables: Vec<Relation>,
        cascade: bool,
    },
    VacuumFull,
    Cluster,
    LockTable {
        mode: LockMode,
    },
    /// UPDATE, DELETE or MERGE, also as a part of WITH.
    Modify(Modification),

    // Seen where the library is preloaded only.
    /// UPDATE, DELETE or MERGE that a client sends.
    ByHand(ByHand),
}

/// A statement of a client's that changes rows; `sql` of the change is its text, with `WHERE true` where it has no WHERE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByHand {
    /// `UPDATE`, `DELETE` or `MERGE`.
    pub command: &'static str,
    /// Rows that the planner expects it to change; `None` where the plan does not say that for the table that is named.
    pub rows: Option<u64>,
    /// It has no WHERE.
    pub everything: bool,
}

/// A statement that changes rows, with what the planner expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modification {
    /// `UPDATE`, `DELETE` or `MERGE`.
    pub command: &'static str,
    /// Rows that the planner expects it to change; `None` for all there are, where it could not be asked.
    pub rows: Option<u64>,
    /// What stands behind SET, of an UPDATE that a backfill can do.
    pub set: Option<String>,
    /// The columns that SET names, as in pg_attribute.
    pub columns: Vec<String>,
    /// For the backfill: the condition under which a row still needs the change; `None` for every row.
    pub remaining: Option<String>,
    /// What stands behind WHERE, of a DELETE.
    pub condition: Option<String>,
    /// One table, no WITH, no further tables.
    pub plain: bool,
}

/// A command of ALTER DOMAIN that may look at rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainCommand {
    AddConstraint,
    Validate,
    SetNotNull,
    Other,
}
