//! What the statements of a script before this one will have done, as far as later ones must know it.
//!
//! Nothing of it has happened: the catalogue shows the time before the script. Plain data; `pg::analysis` asks it before
//! it asks the catalogue, and tells it what each statement adds.

use std::collections::{HashMap, HashSet};

use super::effect::*;
use super::{ConstraintKind, LockMode};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prior {
    relations: HashMap<(String, String), Meaning>,
    /// Names that occur in `relations`, whatever their schema.
    names: HashSet<String>,
    /// Relations of the catalogue's that have another name now.
    moved: HashMap<u32, (String, String)>,
    schemas: HashMap<String, Schema>,
    emptied: HashSet<u32>,
    columns: HashMap<u32, Vec<PriorColumn>>,
    removed_columns: HashSet<(u32, String)>,
    renamed_columns: HashMap<(u32, String), String>,
    not_null: HashMap<(u32, String), bool>,
    types_of: HashMap<(u32, String), PriorType>,
    indexes: HashMap<(String, String), PriorIndex>,
    types: HashMap<(String, String), NewType>,
    functions: HashMap<(String, String), bool>,
    constraints: HashMap<u32, Vec<PriorConstraint>>,
    removed_constraints: HashSet<(u32, String)>,
    locks: HashMap<u32, LockMode>,
}

impl Prior {
    /// Adds what a statement does.
    pub fn add(&mut self, effect: Effect) {
        match effect {
            Effect::Created(schema, name) => self.name(schema, name, Meaning::New),
            Effect::Removed(schema, name) => self.name(schema, name, Meaning::Gone),
            Effect::Moved { oid, from, to } => {
                self.name(from.0, from.1, Meaning::Gone);
                if let Some(oid) = oid {
                    self.moved.insert(oid, to.clone());
                }
                self.name(to.0, to.1, oid.map_or(Meaning::New, Meaning::Was));
            }
            Effect::SchemaCreated(name) => drop(self.schemas.insert(name, Schema::New)),
            Effect::SchemaRemoved(name) => drop(self.schemas.insert(name, Schema::Gone)),
            Effect::SchemaRenamed { from, to } => self.rename_schema(from, to),
            Effect::Emptied(oid) => drop(self.emptied.insert(oid)),
            Effect::Locked(oid, mode) => {
                let held = self.locks.entry(oid).or_insert(mode);
                *held = mode.max(*held);
            }
            Effect::Committed => self.locks.clear(),
            Effect::NotNull(relation, column, is) => drop(self.not_null.insert((relation, column), is)),
            Effect::Retyped(relation, column, to) => {
                match self.columns.get_mut(&relation).and_then(|all| all.iter_mut().find(|c| c.name == column)) {
                    Some(added) => added.of = to,
                    None => drop(self.types_of.insert((relation, column), to)),
                }
            }
            Effect::IndexCreated(schema, name, index) => drop(self.indexes.insert((schema, name), index)),
            Effect::TypeCreated(schema, name, new) => drop(self.types.insert((schema, name), new)),
            Effect::FunctionCreated(schema, name, volatile) => {
                self.functions.insert((schema, name), volatile);
            }
            Effect::ColumnAdded(..) | Effect::ColumnRemoved(..) | Effect::ColumnRenamed { .. } => self.column(effect),
            Effect::ConstraintAdded(relation, constraint) => {
                self.removed_constraints.remove(&(relation, constraint.name.clone()));
                self.constraints.entry(relation).or_default().push(constraint);
            }
            Effect::ConstraintValidated(relation, name) => {
                let added = self.constraints.entry(relation).or_default();
                match added.iter_mut().find(|c| c.name == name) {
                    Some(constraint) => constraint.valid = true,
                    // One of the catalogue's, which knows what it proves.
                    None => added.push(PriorConstraint {
                        name,
                        kind: ConstraintKind::Check,
                        valid: true,
                        proves: Vec::new(),
                        condition: None,
                    }),
                }
            }
            Effect::ConstraintRemoved(relation, name) => {
                self.constraints.entry(relation).or_default().retain(|c| c.name != name);
                self.removed_constraints.insert((relation, name));
            }
        }
    }

    fn name(&mut self, schema: String, name: String, meaning: Meaning) {
        self.names.insert(name.clone());
        self.relations.insert((schema, name), meaning);
    }

    fn rename_schema(&mut self, from: String, to: String) {
        let was = match self.schemas.insert(from.clone(), Schema::Gone) {
            Some(known) => known,
            None => Schema::Was(from.clone()),
        };
        self.schemas.insert(to.clone(), was);
        let inside: Vec<_> = self.relations.keys().filter(|(schema, _)| *schema == from).cloned().collect();
        for key in inside {
            if let Some(meaning) = self.relations.remove(&key) {
                self.relations.insert((to.clone(), key.1), meaning);
            }
        }
    }

    fn column(&mut self, effect: Effect) {
        match effect {
            Effect::ColumnAdded(relation, column) => {
                self.removed_columns.remove(&(relation, column.name.clone()));
                self.columns.entry(relation).or_default().push(column);
            }
            Effect::ColumnRemoved(relation, name) => {
                self.columns.entry(relation).or_default().retain(|c| c.name != name);
                self.not_null.remove(&(relation, name.clone()));
                self.removed_columns.insert((relation, name));
            }
            Effect::ColumnRenamed { relation, from, to } => {
                let added = self.columns.entry(relation).or_default();
                if let Some(column) = added.iter_mut().find(|c| c.name == from) {
                    column.name = to;
                    return;
                }
                let original = self.renamed_columns.remove(&(relation, from.clone())).unwrap_or_else(|| from.clone());
                self.removed_columns.insert((relation, from));
                self.renamed_columns.insert((relation, to), original);
            }
            _ => {}
        }
    }

    /// Whether names mean anything else than the catalogue says.
    pub fn touches(&self, name: &str) -> bool {
        !self.schemas.is_empty() || self.names.contains(name)
    }

    /// What a relation's name means; `None`: what the catalogue says.
    pub fn meaning(&self, schema: &str, name: &str) -> Option<&Meaning> {
        if !self.names.contains(name) {
            return None;
        }
        self.relations.get(&(schema.to_owned(), name.to_owned()))
    }

    /// Schema and name of a relation that was renamed or moved.
    pub fn name_of(&self, relation: u32) -> Option<&(String, String)> {
        self.moved.get(&relation)
    }

    /// The name under which the catalogue knows a schema; `None` when it is new or gone.
    pub fn schema<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self.schemas.get(name) {
            None => Some(name),
            Some(Schema::Was(was)) => Some(was),
            Some(Schema::New | Schema::Gone) => None,
        }
    }

    /// Whether the script makes a schema of that name.
    pub fn makes_schema(&self, name: &str) -> bool {
        self.schemas.get(name) == Some(&Schema::New)
    }

    /// Whether a relation has no rows any more.
    pub fn is_emptied(&self, relation: u32) -> bool {
        self.emptied.contains(&relation)
    }

    /// The strongest lock on a relation that earlier statements of the transaction took.
    pub fn lock(&self, relation: u32) -> Option<LockMode> {
        self.locks.get(&relation).copied()
    }

    /// All of them, in order of oid.
    pub fn locks(&self) -> Vec<(u32, LockMode)> {
        let mut locks: Vec<_> = self.locks.iter().map(|(oid, mode)| (*oid, *mode)).collect();
        locks.sort_unstable();
        locks
    }

    /// The columns that the script has added to a relation.
    pub fn columns(&self, relation: u32) -> &[PriorColumn] {
        self.columns.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// The relations that get a column of a type from the script: a new one, or one that is changed.
    pub fn tables_with(&self, type_oid: u32) -> Vec<u32> {
        let added =
            self.columns.iter().filter(|(_, all)| all.iter().any(|c| c.of.oid == type_oid)).map(|(oid, _)| *oid);
        let changed = self.types_of.iter().filter(|(_, of)| of.oid == type_oid).map(|((oid, _), _)| *oid);
        let mut tables: Vec<u32> = added.chain(changed).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }

    /// New names of a relation's columns, with the names the catalogue has.
    pub fn renamed_columns(&self, relation: u32) -> Vec<(&str, &str)> {
        let mut renamed: Vec<_> = self
            .renamed_columns
            .iter()
            .filter(|((oid, _), _)| *oid == relation)
            .map(|((_, to), from)| (to.as_str(), from.as_str()))
            .collect();
        renamed.sort_unstable();
        renamed
    }

    /// Whether a column of the catalogue's is gone, or has another name.
    pub fn has_removed_column(&self, relation: u32, name: &str) -> bool {
        self.removed_columns.contains(&(relation, name.to_owned()))
    }

    /// Whether a column is NOT NULL now; `None`: what the catalogue says.
    pub fn not_null(&self, relation: u32, column: &str) -> Option<bool> {
        if let Some(is) = self.not_null.get(&(relation, column.to_owned())) {
            return Some(*is);
        }
        self.columns(relation).iter().find(|c| c.name == column).map(|c| c.not_null)
    }

    /// The type that a column of the catalogue's has now, if it is another.
    pub fn type_of(&self, relation: u32, column: &str) -> Option<PriorType> {
        self.types_of.get(&(relation, column.to_owned())).copied()
    }

    /// An index that the script makes.
    pub fn index(&self, schema: &str, name: &str) -> Option<&PriorIndex> {
        self.indexes.get(&(schema.to_owned(), name.to_owned()))
    }

    /// A type that the script makes.
    pub fn new_type(&self, schema: &str, name: &str) -> Option<NewType> {
        self.types.get(&(schema.to_owned(), name.to_owned())).copied()
    }

    /// Whether a function without parameters that the script makes is volatile; `None` when it makes none of that name.
    pub fn new_function(&self, schema: &str, name: &str) -> Option<bool> {
        self.functions.get(&(schema.to_owned(), name.to_owned())).copied()
    }

    /// Whether the script makes any type.
    pub fn makes_types(&self) -> bool {
        !self.types.is_empty()
    }

    /// Whether a valid constraint that the script made proves that a column holds no NULL.
    pub fn proves_not_null(&self, relation: u32, column: &str) -> bool {
        let constraints = self.constraints.get(&relation).map_or(&[][..], Vec::as_slice);
        constraints.iter().any(|c| c.valid && c.proves.iter().any(|p| p == column))
    }

    /// What the valid CHECK constraints that the script made check, as SQL.
    pub fn conditions(&self, relation: u32) -> Vec<String> {
        let constraints = self.constraints.get(&relation).map_or(&[][..], Vec::as_slice);
        constraints.iter().filter(|c| c.valid).filter_map(|c| c.condition.clone()).collect()
    }

    /// Whether the script makes an index on a table.
    pub fn has_index_on(&self, table: u32) -> bool {
        self.indexes.values().any(|index| index.table == table)
    }

    /// Whether the script gives a relation a valid foreign key.
    pub fn has_foreign_key(&self, relation: u32) -> bool {
        let constraints = self.constraints.get(&relation).map_or(&[][..], Vec::as_slice);
        constraints.iter().any(|c| c.valid && c.kind == ConstraintKind::ForeignKey)
    }

    /// A constraint that the script added, or validated.
    pub fn constraint(&self, relation: u32, name: &str) -> Option<&PriorConstraint> {
        self.constraints.get(&relation)?.iter().find(|c| c.name == name)
    }

    /// Whether the script dropped a constraint of the catalogue's.
    pub fn has_removed_constraint(&self, relation: u32, name: &str) -> bool {
        self.removed_constraints.contains(&(relation, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(effects: Vec<Effect>) -> Prior {
        let mut prior = Prior::default();
        effects.into_iter().for_each(|e| prior.add(e));
        prior
    }

    fn pair(schema: &str, name: &str) -> (String, String) {
        (schema.into(), name.into())
    }

    #[test]
    fn names_are_new_gone_or_of_another() {
        let moved = Effect::Moved { oid: Some(7), from: pair("s", "t"), to: pair("s", "u") };
        let prior = after(vec![Effect::Created("s".into(), "n".into()), moved]);
        assert_eq!(prior.meaning("s", "n"), Some(&Meaning::New));
        assert_eq!(prior.meaning("x", "n"), None);
        assert_eq!(prior.meaning("s", "t"), Some(&Meaning::Gone));
        assert_eq!(prior.meaning("s", "u"), Some(&Meaning::Was(7)));
        assert!(prior.touches("t") && !prior.touches("other"));
    }

    #[test]
    fn renamed_schemas_take_their_relations_along() {
        let prior = after(vec![
            Effect::Created("a".into(), "n".into()),
            Effect::SchemaRenamed { from: "a".into(), to: "b".into() },
            Effect::SchemaRenamed { from: "b".into(), to: "c".into() },
        ]);
        assert_eq!(prior.meaning("c", "n"), Some(&Meaning::New));
        assert_eq!((prior.schema("a"), prior.schema("b"), prior.schema("c")), (None, None, Some("a")));
    }

    #[test]
    fn locks_grow_and_end_with_the_transaction() {
        let mut prior = after(vec![
            Effect::Locked(1, LockMode::Share),
            Effect::Locked(1, LockMode::AccessExclusive),
            Effect::Locked(1, LockMode::RowShare),
        ]);
        assert_eq!(prior.lock(1), Some(LockMode::AccessExclusive));
        prior.add(Effect::Committed);
        assert_eq!(prior.lock(1), None);
    }

    #[test]
    fn a_constraint_proves_when_it_is_valid() {
        let check = PriorConstraint {
            name: "k".into(),
            kind: ConstraintKind::Check,
            valid: false,
            proves: vec!["a".into()],
            condition: None,
        };
        let mut prior = after(vec![Effect::ConstraintAdded(1, check)]);
        assert!(!prior.proves_not_null(1, "a"));
        prior.add(Effect::ConstraintValidated(1, "k".into()));
        assert!(prior.proves_not_null(1, "a"));
        prior.add(Effect::ConstraintRemoved(1, "k".into()));
        assert!(!prior.proves_not_null(1, "a") && prior.has_removed_constraint(1, "k"));
    }

    #[test]
    fn columns_follow_their_renames() {
        let prior = after(vec![
            Effect::ColumnRenamed { relation: 1, from: "a".into(), to: "b".into() },
            Effect::ColumnRenamed { relation: 1, from: "b".into(), to: "c".into() },
        ]);
        assert_eq!(prior.renamed_columns(1), [("c", "a")]);
        assert!(prior.has_removed_column(1, "a") && prior.has_removed_column(1, "b"));
    }
}
