//! Columns and constraints as data.

use super::{IndexDefinition, Relation, Work};

/// A column by number and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// pg_attribute.attnum; 0 for one that does not exist yet.
    pub number: i16,
    /// As in pg_attribute.
    pub name: String,
    /// Quoted where needed.
    pub quoted: String,
    /// The type as Postgres writes it, type modifier included.
    pub type_name: String,
    /// pg_attribute.attnotnull.
    pub not_null: bool,
}

/// Where the values of a new column come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filling {
    /// NULL.
    Nothing,
    /// A default that is computed once and stored in the catalogue.
    Once(String),
    /// A volatile default: computed for each row. As SQL.
    EachRow(String),
    /// The default of the column's domain, volatile.
    DomainDefault(String),
    /// A default that cannot be read without running a user's function: it may be anything.
    Unreadable,
    /// A type that checks its values, so that each row is looked at: a domain with constraints.
    CheckedDomain,
    /// smallserial, serial, bigserial.
    Serial,
    /// GENERATED ... AS IDENTITY.
    Identity(Identity),
    /// GENERATED ALWAYS AS (...) STORED.
    Stored(String),
    /// GENERATED ALWAYS AS (...) VIRTUAL, from 18.
    Virtual(String),
}

/// An identity column's clause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// GENERATED ALWAYS, not BY DEFAULT.
    pub always: bool,
    /// What numbers it hands out, as SQL with a blank before it, such as ` START WITH 10 CACHE 50`; or empty.
    pub numbers: String,
    /// The same for options that only the column's own sequence can have, such as its name.
    pub own: String,
}

impl Identity {
    /// `GENERATED ... AS IDENTITY` with all its options.
    pub fn clause(&self) -> String {
        let kind = if self.always { "ALWAYS" } else { "BY DEFAULT" };
        let options = format!("{}{}", self.own, self.numbers);
        let options = if options.is_empty() { options } else { format!(" ({})", options.trim_start()) };
        format!("GENERATED {kind} AS IDENTITY{options}")
    }
}

/// A column that a statement adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewColumn {
    pub column: Column,
    /// COLLATE ..., with a blank before it; or empty.
    pub collation: String,
    pub filling: Filling,
    /// The DEFAULT clause as SQL, whatever its kind; `None` without one.
    pub default: Option<String>,
    /// NOT NULL or PRIMARY KEY by its own definition.
    pub required: bool,
    /// Another command of the statement makes it NOT NULL.
    pub required_later: bool,
    /// A neutral value of the type as SQL, when there is an obvious one.
    pub neutral_value: Option<String>,
    /// A free name for a not-null constraint on it, quoted where needed; empty unless it is to be NOT NULL.
    pub not_null_name: String,
    /// A free name for the sequence of a serial column, qualified and quoted; empty for others.
    pub sequence: String,
    /// Constraints written behind the column: CHECK, UNIQUE, PRIMARY KEY, REFERENCES.
    pub constraints: Vec<NewConstraint>,
    /// Base type of its type (after domains), as pg_type.oid.
    pub base_type: u32,
    /// Children that have a column of that name already, which they keep.
    pub kept_by: Vec<u32>,
    /// Those of them that are read for NULLs, because they get its NOT NULL: from 18.
    pub read_for_nulls: Vec<u32>,
}

/// The kind of a constraint, as in pg_constraint.contype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    Check,
    ForeignKey,
    Unique,
    PrimaryKey,
    Exclusion,
    NotNull,
}

/// A constraint that a statement adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConstraint {
    pub kind: ConstraintKind,
    /// As the user gave it.
    pub given_name: Option<String>,
    /// The name it will have, quoted where needed.
    pub quoted: String,
    pub columns: Vec<Column>,
    /// What stands behind the name, such as `CHECK ((a > 0))`, without NOT VALID and NOT ENFORCED.
    pub definition: Option<String>,
    pub not_valid: bool,
    pub not_enforced: bool,
    pub no_inherit: bool,
    /// DEFERRABLE ..., with a blank before it; or empty.
    pub deferrable: String,
    /// USING INDEX: that index.
    pub using_index: Option<u32>,
    /// REFERENCES: that table.
    pub references: Option<Relation>,
    /// Columns of it, in the order of `columns`.
    pub referenced_columns: Vec<Column>,
    /// For UNIQUE, PRIMARY KEY and EXCLUDE: how the index would be made by hand.
    pub index: Option<IndexDefinition>,
    /// Of a foreign key that Postgres does not take NOT VALID: what it would do without that.
    pub withheld: Option<Vec<Work>>,
}
