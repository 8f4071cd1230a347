//! A change of type for which the rows have to be written anew, while reads and writes go on: new columns beside the old
//! ones, kept in step by a trigger and filled in batches, then swapped in one short transaction.
//!
//! Whoever types it may go on after a statement that failed. So the transaction of the swap begins with what fails unless
//! all that goes before has been done.

use super::recipes::{alter, literal, not_null};
use super::rule::Recipe;
use crate::catalog::retyping::{self, Constraint, Facts, Index, Old};
use crate::catalog::retyping_begun::{self, Begun, Replaced};
use crate::ddl::{Column, Relation};
use crate::error::Result;
use crate::pg::{free_name, relation};

/// What the transaction of the swap does that rules refuse.
const ALLOWED: &[&str] = &[
    "drop-cascade",
    "drop-column",
    "drop-column-takes-index",
    "drop-constraint",
    "drop-then-add-same-column",
    "multiple-strong-locks",
    "rename-column",
    "validate-under-strong-lock",
];

/// A column that is to get another type.
pub struct Retyped<'a> {
    pub column: &'a Column,
    pub to: &'a str,
}

/// One of them with what hangs on it, and the name of the column that takes its place.
struct Swapped<'a> {
    column: &'a Column,
    to: &'a str,
    old: Old,
    /// As in pg_attribute, and quoted.
    name: String,
    quoted: String,
}

/// The way to another type.
pub struct Steps {
    pub statements: Vec<String>,
    /// The new columns, quoted, where somebody has begun already.
    pub begun: Vec<String>,
}

/// The statements; or what there is no recipe because of, in words.
pub fn steps(table: &Relation, columns: &[Retyped<'_>]) -> Result<std::result::Result<Steps, Vec<String>>> {
    if columns.iter().any(|c| c.to.contains(" COLLATE ")) {
        return Ok(Err(vec!["the collation".into()]));
    }
    let asked: Vec<(i16, String)> = columns.iter().map(|c| (c.column.number, c.to.to_owned())).collect();
    let replaced: Vec<Replaced<'_>> =
        (columns.iter()).map(|c| Replaced { number: c.column.number, quoted: &c.column.quoted, to: c.to }).collect();
    let trigger = trigger_of(table);
    let begun = retyping_begun::find(table.oid, &trigger, &replaced)?;
    let obstacles = retyping::obstacles(table.oid, &asked, begun.as_ref().map(|_| trigger.as_str()))?;
    if !obstacles.is_empty() {
        return Ok(Err(obstacles));
    }
    let Some(mut facts) = retyping::facts(table.oid, &asked)? else {
        return Ok(Err(vec!["another session, which has the table locked".into()]));
    };
    // A proof is about the old columns, too.
    let proofs = begun.as_ref().map(|begun| begun.constraints.as_slice()).unwrap_or_default();
    facts.constraints.retain(|c| c.table != table.quoted || !proofs.contains(&c.quoted));
    let mut swapped: Vec<Swapped<'_>> = Vec::new();
    for (place, Retyped { column, to }) in columns.iter().enumerate() {
        let name = match &begun {
            Some(begun) => begun.columns.get(place).map(|new| new.name.clone()).unwrap_or_default(),
            None => {
                let taken: Vec<String> = swapped.iter().map(|s| s.name.clone()).collect();
                free_name::of_column_instead(table.oid, &column.name, &taken)
            }
        };
        let quoted = relation::quoted(&name);
        let old = facts.columns.iter().find(|old| old.number == column.number).cloned().unwrap_or_default();
        swapped.push(Swapped { column, to, old, name, quoted });
    }
    let mut instead: Vec<NewIndex> = Vec::new();
    for old in &facts.indexes {
        // Two old ones may be alike.
        let taken: Vec<String> = instead.iter().map(|new| new.name.clone()).collect();
        instead.push(match begun.as_ref().and_then(|begun| begun.instead_of(old, &replaced, &taken)) {
            Some(built) => NewIndex { name: built.bare.clone(), built: true },
            None => NewIndex { name: free_name::of_index_instead(table.oid, &old.name), built: false },
        });
    }
    let statements = Swap::new(table, swapped, &facts, instead, begun.as_ref()).statements();
    let begun = begun.iter().flat_map(|begun| &begun.columns).map(|new| new.quoted.clone()).collect();
    Ok(Ok(Steps { statements, begun }))
}

/// The trigger, and its function: triggers fire in the order of their names, so this one sees what others have made of
/// the row.
fn trigger_of(table: &Relation) -> String {
    relation::first_name(&format!("zzz_{}", table.name), "", c"swap")
}

/// An index that takes the place of an old one.
struct NewIndex {
    /// Quoted.
    name: String,
    built: bool,
}

struct Swap<'a> {
    table: &'a Relation,
    alter: String,
    columns: Vec<Swapped<'a>>,
    facts: &'a Facts,
    /// In the order of the old ones.
    indexes: Vec<NewIndex>,
    /// What there is already.
    begun: Option<&'a Begun>,
    /// The trigger and its function have one name.
    trigger: String,
    function: String,
    /// A CHECK that columns that may be NULL are filled.
    filled: Option<String>,
}

impl<'a> Swap<'a> {
    fn new(
        table: &'a Relation,
        columns: Vec<Swapped<'a>>,
        facts: &'a Facts,
        indexes: Vec<NewIndex>,
        begun: Option<&'a Begun>,
    ) -> Self {
        let trigger = trigger_of(table);
        let nullable = columns.iter().find(|c| !c.old.not_null);
        Self {
            alter: alter(table),
            indexes,
            begun,
            function: relation::qualified(&table.schema, &trigger),
            trigger: relation::quoted(&trigger),
            filled: nullable.map(|column| free_name::of_constraint(table.oid, &column.name, c"same")),
            table,
            columns,
            facts,
        }
    }

    fn statements(&self) -> Vec<String> {
        [self.expand(), self.clear(), self.prove(), self.prepare(), self.swap(), self.validate()].concat()
    }

    /// The SQL of each column, in a list.
    fn each(&self, separator: &str, write: impl Fn(&Swapped<'a>) -> String) -> String {
        self.columns.iter().map(write).collect::<Vec<_>>().join(separator)
    }

    /// The new columns, kept in step from the first moment on, and filled.
    fn expand(&self) -> Vec<String> {
        let Self { alter, trigger, function, table, .. } = self;
        let add = self.each(", ", |c| format!("ADD COLUMN {} {}", c.quoted, c.to));
        let body = retyping_begun::body(self.columns.iter().map(|c| (c.quoted.as_str(), c.column.quoted.as_str())));
        let fill = self.each(", ", |c| format!("{} = {}", c.quoted, c.column.quoted));
        let unfilled = |c: &Swapped<'_>| match c.old.not_null {
            true => format!("{} IS NULL", c.quoted),
            false => format!("({} IS NULL AND {} IS NOT NULL)", c.quoted, c.column.quoted),
        };
        let call = format!(
            "CALL migrator.backfill({}, {}, {});",
            literal(&table.quoted),
            literal(&fill),
            literal(&self.each(" OR ", unfilled))
        );
        if self.begun.is_some() {
            return vec![call];
        }
        vec![
            "BEGIN;".into(),
            format!("{alter}{add};"),
            format!("CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {};", literal(&body)),
            format!(
                "CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION {function}();",
                table.quoted
            ),
            // Also for what replication writes.
            format!("{alter}ENABLE ALWAYS TRIGGER {trigger};"),
            "COMMIT;".into(),
            call,
        ]
    }

    /// What was left of proofs and builds that did not end. A proof that did is made once more: it blocks nobody.
    fn clear(&self) -> Vec<String> {
        let Some(begun) = self.begun else { return Vec::new() };
        let mut steps = Vec::new();
        if !begun.constraints.is_empty() {
            let drops: Vec<String> = begun.constraints.iter().map(|name| format!("DROP CONSTRAINT {name}")).collect();
            let drops = format!("{}{};", self.alter, drops.join(", "));
            steps.extend(Recipe::allowing("", &["drop-constraint", "drop-not-null"], vec![drops]).statements);
        }
        let used = |index: &Index| self.indexes.iter().any(|new| new.built && new.name == index.bare);
        let left = begun.indexes.iter().filter(|index| !used(index));
        steps.extend(left.map(|index| format!("DROP INDEX CONCURRENTLY {};", index.quoted)));
        steps
    }

    /// That they are filled, as Postgres can tell without reading the rows under a strong lock.
    fn prove(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for column in self.columns.iter().filter(|c| c.old.not_null) {
            let new = Column { name: column.name.clone(), quoted: column.quoted.clone(), ..Column::default() };
            steps.extend(not_null(self.table, &new, &relation::free_constraint_name(self.table.oid, &column.name)));
        }
        if let Some(filled) = &self.filled {
            let nullable: Vec<String> = (self.columns.iter().filter(|c| !c.old.not_null))
                .map(|c| format!("({} IS NULL) = ({} IS NULL)", c.quoted, c.column.quoted))
                .collect();
            let Self { alter, .. } = self;
            steps.push(format!("{alter}ADD CONSTRAINT {filled} CHECK ({}) NOT VALID;", nullable.join(" AND ")));
            steps.push(format!("{alter}VALIDATE CONSTRAINT {filled};"));
        }
        steps
    }

    /// What takes long and can be there before: indexes and statistics.
    fn prepare(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for (index, new) in self.facts.indexes.iter().zip(&self.indexes).filter(|(_, new)| !new.built) {
            let name = &new.name;
            let unique = if index.unique { "UNIQUE " } else { "" };
            let (keys, included) = (self.listed(&index.keys), self.listed(&index.included));
            let include = if included.is_empty() { String::new() } else { format!(" INCLUDE ({included})") };
            let (table, method, rest) = (&self.table.quoted, &index.method, &index.rest);
            steps.push(format!(
                "CREATE {unique}INDEX CONCURRENTLY {name} ON {table} USING {method} ({keys}){include}{rest};"
            ));
        }
        steps.push(format!("ANALYZE {} ({});", self.table.quoted, self.each(", ", |c| c.quoted.clone())));
        steps
    }

    /// The columns of an index, the new ones in the place of the old ones.
    fn listed(&self, parts: &[(i16, String, String)]) -> String {
        let name = |number: i16, old: &str| {
            self.columns.iter().find(|c| c.column.number == number).map_or_else(|| old.to_owned(), |c| c.quoted.clone())
        };
        parts.iter().map(|(number, old, rest)| name(*number, old) + rest).collect::<Vec<_>>().join(", ")
    }

    fn swap(&self) -> Vec<String> {
        let Self { alter, trigger, function, table, .. } = self;
        let mut steps = vec!["BEGIN;".to_owned(), format!("SET LOCAL migrator.allow = '{}';", ALLOWED.join(", "))];
        steps.extend(self.filled.iter().map(|filled| format!("{alter}VALIDATE CONSTRAINT {filled};")));
        let bare = self.facts.indexes.iter().zip(&self.indexes).filter(|(index, _)| index.constraint.is_none());
        steps.extend(bare.map(|(_, new)| self.assert_valid(&new.name)));
        steps.push(format!("DROP TRIGGER {trigger} ON {};", table.quoted));
        let required = self.columns.iter().filter(|c| c.old.not_null);
        steps.extend(required.map(|c| format!("{alter}ALTER COLUMN {} SET NOT NULL;", c.quoted)));
        steps.push(format!("DROP FUNCTION {function}();"));
        let referencing = self.facts.constraints.iter().filter(|c| c.references);
        steps.extend(referencing.map(|key| format!("ALTER TABLE {} DROP CONSTRAINT {};", key.table, key.quoted)));
        steps.extend(self.columns.iter().flat_map(|column| self.hand_over(column)));
        steps.push(format!("{alter}{};", self.each(", ", |c| format!("DROP COLUMN {}", c.column.quoted))));
        for column in &self.columns {
            steps.push(format!("{alter}RENAME COLUMN {} TO {};", column.quoted, column.column.quoted));
        }
        steps.extend(self.columns.iter().flat_map(|column| self.rename(column)));
        for (index, new) in self.facts.indexes.iter().zip(&self.indexes) {
            steps.extend(self.take_place(index, &new.name));
        }
        steps.extend(self.facts.constraints.iter().flat_map(again));
        steps.push("COMMIT;".into());
        steps
    }

    /// Fails where the index was not built: a constraint would say so by itself.
    fn assert_valid(&self, index: &str) -> String {
        let index = literal(&format!("{}.{index}", relation::quoted(&self.table.schema)));
        let valid = format!("(SELECT indisvalid FROM pg_index WHERE indexrelid = {index}::regclass)");
        format!("DO {};", literal(&format!("BEGIN ASSERT {valid}, 'an index was not built'; END")))
    }

    /// What gives the old column its values feeds the new one.
    fn hand_over(&self, column: &Swapped<'_>) -> Vec<String> {
        let (alter, table, new) = (&self.alter, &self.table.quoted, &column.quoted);
        let mut steps = Vec::new();
        if let Some(default) = &column.old.default {
            steps.push(format!("{alter}ALTER COLUMN {new} SET DEFAULT {default};"));
        }
        if let Some((sequence, _)) = &column.old.serial {
            steps.push(format!("ALTER SEQUENCE {sequence} OWNED BY {table}.{new};"));
        }
        if let Some(identity) = &column.old.identity {
            let kind = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
            let options = identity.options.trim_start();
            steps.push(format!("{alter}ALTER COLUMN {new} ADD GENERATED {kind} AS IDENTITY ({options});"));
            // The table is locked: nobody draws a number meanwhile.
            steps.push(format!(
                "SELECT setval(pg_get_serial_sequence({}, {}), last_value, is_called) FROM {};",
                literal(table),
                literal(&column.name),
                identity.sequence
            ));
        }
        steps
    }

    /// What has the name of the new column gets that of the old one.
    fn rename(&self, column: &Swapped<'_>) -> Vec<String> {
        let (alter, table, name) = (&self.alter, &self.table.quoted, &column.column.quoted);
        let mut steps = Vec::new();
        if let Some(identity) = &column.old.identity {
            let now = free_name::of_relation(self.table.oid, &column.name, c"seq");
            steps.push(format!("ALTER SEQUENCE {now} RENAME TO {};", identity.bare));
            steps.extend(identity.grants.iter().cloned());
        }
        if let Some(not_null) = &column.old.not_null_name {
            let now = relation::free_constraint_name(self.table.oid, &column.name);
            steps.push(format!("{alter}RENAME CONSTRAINT {now} TO {not_null};"));
        }
        if let Some(comment) = &column.old.comment {
            steps.push(format!("COMMENT ON COLUMN {table}.{name} IS {};", on_one_line(comment)));
        }
        steps
    }

    fn take_place(&self, index: &Index, name: &str) -> Vec<String> {
        let (alter, table) = (&self.alter, &self.table.quoted);
        let mut steps = vec![match &index.constraint {
            Some((word, deferrable)) => {
                format!("{alter}ADD CONSTRAINT {} {word} USING INDEX {name}{deferrable};", index.bare)
            }
            None => format!("ALTER INDEX {}.{name} RENAME TO {};", relation::quoted(&self.table.schema), index.bare),
        }];
        if let Some(comment) = &index.comment {
            let on = match index.constraint {
                Some(_) => format!("CONSTRAINT {} ON {table}", index.bare),
                None => format!("INDEX {}", index.quoted),
            };
            steps.push(format!("COMMENT ON {on} IS {};", on_one_line(comment)));
        }
        steps
    }

    /// What was checked before is checked again, while reads and writes go on.
    fn validate(&self) -> Vec<String> {
        let mut steps: Vec<String> = (self.facts.constraints.iter().filter(|c| c.validated))
            .map(|c| format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", c.table, c.quoted))
            .collect();
        for column in self.columns.iter().filter(|c| c.to == "bigint") {
            if let Some((sequence, true)) = &column.old.serial {
                steps.push(format!("ALTER SEQUENCE {sequence} AS bigint;"));
            }
        }
        steps
    }
}

/// A constraint that went with the old columns, unchecked.
fn again(constraint: &Constraint) -> Vec<String> {
    let Constraint { quoted, table, definition, .. } = constraint;
    let mut steps = vec![format!("ALTER TABLE {table} ADD CONSTRAINT {quoted} {definition} NOT VALID;")];
    if let Some(comment) = &constraint.comment {
        steps.push(format!("COMMENT ON CONSTRAINT {quoted} ON {table} IS {};", on_one_line(comment)));
    }
    steps
}

/// A literal without line breaks.
fn on_one_line(text: &str) -> String {
    if !text.contains(['\n', '\r', '\\']) {
        return literal(text);
    }
    format!("E{}", literal(&text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")))
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn a_comment_stays_on_its_line() {
        assert_eq!(on_one_line("it's"), "'it''s'");
        assert_eq!(on_one_line("a\nb\\"), "E'a\\nb\\\\'");
    }
}
