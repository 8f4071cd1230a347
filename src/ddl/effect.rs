//! What a statement of a script does, as far as the analysis of later ones must know it.

use super::{ConstraintKind, LockMode};

/// What a name means after the statements so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A relation that the script creates: nobody has rows in it.
    New,
    /// Nothing any more: it was dropped, renamed or moved.
    Gone,
    /// The relation of that oid, under a new name.
    Was(u32),
}

/// What a schema's name means after the statements so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    New,
    Gone,
    /// The schema that the catalogue knows by this name.
    Was(String),
}

/// A constraint that the script adds to a relation that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorConstraint {
    pub name: String,
    pub kind: ConstraintKind,
    /// Its rows were checked: it was added valid, or validated since.
    pub valid: bool,
    /// Columns that it proves not to be NULL once it is valid.
    pub proves: Vec<String>,
    /// Of a CHECK: what it checks, as SQL.
    pub condition: Option<String>,
}

/// A type with its modifier and collation, as in pg_attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorType {
    pub oid: u32,
    pub modifier: i32,
    pub collation: u32,
}

/// A column that the script adds to a relation that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorColumn {
    pub name: String,
    pub of: PriorType,
    /// The type as Postgres writes it.
    pub type_name: String,
    pub not_null: bool,
    /// As in pg_attribute.
    pub generated: char,
    /// What existing rows hold, as SQL: a constant, or NULL.
    pub value: String,
}

/// An index that the script makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorIndex {
    pub table: u32,
    /// Its key columns; none when a key is an expression.
    pub columns: Vec<String>,
}

/// A domain or enum that the script makes: the type that stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewType {
    pub stands_for: PriorType,
    /// It checks its values.
    pub checked: bool,
    /// Its values are stored like those of no type before.
    pub is_enum: bool,
}

/// One thing that a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A relation of a new name (schema, name).
    Created(String, String),
    /// A relation that exists loses its name; `None` when the script created it.
    Removed(String, String),
    /// A relation gets another name.
    Moved {
        oid: Option<u32>,
        from: (String, String),
        to: (String, String),
    },
    SchemaCreated(String),
    SchemaRemoved(String),
    SchemaRenamed {
        from: String,
        to: String,
    },
    /// TRUNCATE: no rows are left.
    Emptied(u32),
    ColumnAdded(u32, PriorColumn),
    ColumnRemoved(u32, String),
    ColumnRenamed {
        relation: u32,
        from: String,
        to: String,
    },
    NotNull(u32, String, bool),
    /// A column of the catalogue's gets another type.
    Retyped(u32, String, PriorType),
    IndexCreated(String, String, PriorIndex),
    TypeCreated(String, String, NewType),
    /// A function without parameters; `true` when it is volatile.
    FunctionCreated(String, String, bool),
    ConstraintAdded(u32, PriorConstraint),
    ConstraintValidated(u32, String),
    ConstraintRemoved(u32, String),
    Locked(u32, LockMode),
    /// The transaction ends: locks are given back.
    Committed,
}
