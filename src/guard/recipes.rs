//! The steps that recipes are made of, in the user's own names.

use crate::catalog::constraints::{self, Dropped};
use crate::catalog::indexes::{self, Index};
use crate::catalog::ownership;
use crate::ddl::{
    Change, Column, ConstraintKind, Filling, Identity, IndexDefinition, NewColumn, NewConstraint, Relation,
};
use crate::error::Result;
use crate::guard::rule::Recipe;
use crate::pg;
use crate::pg::analysis::index_statement::shape;

/// A SQL string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `ALTER TABLE name `, with ONLY where the statement says so; the statement goes on behind it.
pub fn alter(relation: &Relation) -> String {
    format!("ALTER TABLE {}{} ", if relation.only { "ONLY " } else { "" }, relation.quoted)
}

/// Fills a column in batches.
pub fn fill(relation: &Relation, column: &Column, value: &str) -> String {
    let (table, quoted) = (&relation.quoted, &column.quoted);
    format!(
        "CALL migrator.backfill({}, {}, {});",
        literal(table),
        literal(&format!("{quoted} = {value}")),
        literal(&format!("{quoted} IS NULL"))
    )
}

/// Makes a column NOT NULL without reading the rows under a strong lock. `name` is a free name for a constraint.
pub fn not_null(relation: &Relation, column: &Column, name: &str) -> Vec<String> {
    not_null_on(relation, column, name, pg::NOT_NULL_CAN_BE_NOT_VALID)
}

fn not_null_on(relation: &Relation, column: &Column, name: &str, native: bool) -> Vec<String> {
    let (table, quoted) = (alter(relation), &column.quoted);
    // Postgres adds no constraint to ONLY one table of several but one that is not inherited.
    let inherit = if relation.only && pg::relation::has_inheritors(relation.oid) { " NO INHERIT" } else { "" };
    if native {
        return vec![
            format!("{table}ADD CONSTRAINT {name} NOT NULL {quoted}{inherit} NOT VALID;"),
            format!("{table}VALIDATE CONSTRAINT {name};"),
        ];
    }
    vec![
        format!("{table}ADD CONSTRAINT {name} CHECK ({quoted} IS NOT NULL){inherit} NOT VALID;"),
        format!("{table}VALIDATE CONSTRAINT {name};"),
        format!("{table}ALTER COLUMN {quoted} SET NOT NULL;"),
        format!("{table}DROP CONSTRAINT {name};"),
    ]
}

/// The same for the columns of a primary key.
pub fn key_not_null(relation: &Relation, columns: &[Column]) -> Vec<String> {
    // From 18 a key takes no constraint that is not inherited, and ONLY no table whose children have none.
    let only = relation.only && !pg::NOT_NULL_CAN_BE_NOT_VALID;
    let relation = Relation { only, ..relation.clone() };
    let free = |column: &Column| pg::relation::free_constraint_name(relation.oid, &column.name);
    columns.iter().filter(|c| !c.not_null).flat_map(|c| not_null(&relation, c, &free(c))).collect()
}

/// A constraint as Postgres writes it down, but for NOT VALID.
pub fn whole_definition(new: &NewConstraint, definition: &str) -> String {
    format!("{definition}{}{}", if new.no_inherit { " NO INHERIT" } else { "" }, new.deferrable)
}

/// Adds a CHECK or a foreign key unchecked, then checks it while reads and writes go on. `None` when it could not be
/// written. `leaves` are the tables whose rows it would read. What somebody added unchecked before is checked only.
pub fn validated(relation: &Relation, constraint: &NewConstraint, leaves: &[u32]) -> Result<Option<Vec<String>>> {
    let (table, name) = (alter(relation), &constraint.quoted);
    let Some(definition) = &constraint.definition else { return Ok(None) };
    let whole = whole_definition(constraint, definition);
    if constraint.kind != ConstraintKind::ForeignKey || !relation.partitioned || pg::FOREIGN_KEY_ON_PARTITIONED_CAN_WAIT
    {
        // Under a name of its own it is another one.
        let unnamed = constraint.given_name.is_none();
        return Ok(Some(
            match if unnamed { constraints::unvalidated(relation.oid, &whole, &Dropped::default())? } else { None } {
                Some(there) => vec![format!("{table}VALIDATE CONSTRAINT {there};")],
                None => vec![
                    format!("{table}ADD CONSTRAINT {name} {whole} NOT VALID;"),
                    format!("{table}VALIDATE CONSTRAINT {name};"),
                ],
            },
        ));
    }
    // Before 18 a partitioned table refuses NOT VALID; it attaches what its partitions have.
    let mut steps = Vec::new();
    let half_done = constraints::with_unvalidated(leaves)?;
    for oid in leaves {
        let leaf = pg::relation::qualified_name(*oid);
        let there = match half_done.contains(oid) {
            true => constraints::unvalidated(*oid, &whole, &Dropped::default())?,
            false => None,
        };
        if there.is_none() {
            steps.push(format!("ALTER TABLE {leaf} ADD CONSTRAINT {name} {whole} NOT VALID;"));
        }
        steps.push(format!("ALTER TABLE {leaf} VALIDATE CONSTRAINT {};", there.as_ref().unwrap_or(name)));
    }
    steps.push(format!("{table}ADD CONSTRAINT {name} {whole};"));
    Ok(Some(steps))
}

/// Builds the index of a UNIQUE or PRIMARY KEY constraint concurrently and makes the constraint of it. What an interrupted
/// build left is dropped first.
pub fn by_index(relation: &Relation, constraint: &NewConstraint) -> Result<Option<Vec<String>>> {
    let Some(index) = &constraint.index else { return Ok(None) };
    let (Some(body), Some(definition)) = (&index.body, &constraint.definition) else { return Ok(None) };
    let (table, deferrable) = (alter(relation), &constraint.deferrable);
    let word = if constraint.kind == ConstraintKind::PrimaryKey { "PRIMARY KEY" } else { "UNIQUE" };
    let mut steps = Vec::new();
    if constraint.kind == ConstraintKind::PrimaryKey {
        steps.extend(key_not_null(relation, &constraint.columns));
    }
    if !relation.partitioned {
        let left = leftovers(&[relation.oid], index, constraint.given_name.as_deref())?;
        // Without it, Postgres would choose its name again.
        let again = left.iter().map(|l| &l.name).min_by_key(|name| name.len());
        let name = match again.filter(|_| constraint.given_name.is_none()) {
            Some(again) => pg::relation::quoted(again),
            None => constraint.quoted.clone(),
        };
        steps.extend(left.iter().map(dropped));
        steps.push(format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {} {body};", relation.quoted));
        steps.push(format!("{table}ADD CONSTRAINT {name} {word} USING INDEX {name}{deferrable};"));
        return Ok(Some(steps));
    }
    let half_done = indexes::with_invalid(&relation.leaves)?;
    for node in index.tree.iter().filter(|n| relation.leaves.contains(&n.oid)) {
        let (own, leaf) = (&node.index, &node.quoted);
        if half_done.contains(&node.oid) {
            steps.extend(leftovers(&[node.oid], index, None)?.iter().map(dropped));
        }
        steps.push(format!("CREATE UNIQUE INDEX CONCURRENTLY {own} ON {leaf} {body};"));
        steps.push(format!("ALTER TABLE {leaf} ADD CONSTRAINT {own} {word} USING INDEX {own}{deferrable};"));
    }
    steps.push(format!("{table}ADD CONSTRAINT {} {definition}{deferrable};", constraint.quoted));
    Ok(Some(steps))
}

/// Invalid indexes of tables that an interrupted build of this one left: like it, or of its name.
pub fn leftovers(tables: &[u32], index: &IndexDefinition, name: Option<&str>) -> Result<Vec<Index>> {
    let mut left = Vec::new();
    for table in indexes::with_invalid(tables)? {
        left.extend(indexes::invalid_of_table(table)?);
    }
    left.retain(|l| name == Some(l.name.as_str()) || shape(&l.definition).as_deref() == Some(index.shape.as_str()));
    Ok(left)
}

/// The statement that drops a leftover.
pub fn dropped(index: &Index) -> String {
    format!("{};", indexes::drop_statement(index))
}

/// ADD COLUMN in steps of which none works on the rows under a strong lock. `None` where there is no such way.
pub fn add_column(relation: &Relation, new: &NewColumn) -> Result<Option<Vec<String>>> {
    let table = alter(relation);
    let NewColumn { column, collation, .. } = new;
    let add = format!("{table}ADD COLUMN {} {}{collation}", column.quoted, column.type_name);
    let set_default = |value: &str| format!("{table}ALTER COLUMN {} SET DEFAULT {value};", column.quoted);
    let mut not_null_left = new.required;
    let mut steps = match &new.filling {
        Filling::Nothing if new.required || new.required_later => {
            vec![format!("{add};"), fill(relation, column, new.neutral_value.as_deref().unwrap_or("your_value"))]
        }
        Filling::Nothing => vec![format!("{add};")],
        Filling::Virtual(expression) => vec![format!("{add} GENERATED ALWAYS AS ({expression});")],
        Filling::Once(_) => {
            not_null_left = false;
            let default = new.default.as_ref().map(|d| format!(" DEFAULT {d}")).unwrap_or_default();
            let required = if new.required { " NOT NULL" } else { "" };
            vec![format!("{add}{default}{required};")]
        }
        Filling::EachRow(value) => {
            vec![format!("{add};"), set_default(value), fill(relation, column, value)]
        }
        Filling::DomainDefault(value) => vec![
            format!("{add} DEFAULT NULL;"),
            format!("{table}ALTER COLUMN {} DROP DEFAULT;", column.quoted),
            fill(relation, column, value),
        ],
        Filling::Serial => serial(relation, new)?,
        Filling::Identity(clause) => {
            let mut steps = identity(relation, new, clause)?;
            steps.extend(constraints_of(relation, &made_not_null(new))?.unwrap_or_default());
            return Ok(Some(steps));
        }
        Filling::CheckedDomain | Filling::Stored(_) | Filling::Unreadable => return Ok(None),
    };
    let key = new.constraints.iter().any(|c| c.kind == ConstraintKind::PrimaryKey);
    if not_null_left && !key {
        steps.extend(not_null(relation, column, &new.not_null_name));
    }
    Ok(constraints_of(relation, new)?.map(|more| {
        steps.extend(more);
        steps
    }))
}

/// The column as it is once it is NOT NULL: its primary key need not make it so again.
fn made_not_null(new: &NewColumn) -> NewColumn {
    let mut new = new.clone();
    new.column.not_null = true;
    for own in new.constraints.iter_mut().flat_map(|c| &mut c.columns).filter(|c| c.name == new.column.name) {
        own.not_null = true;
    }
    new
}

/// The constraints behind a column, one after the other.
fn constraints_of(relation: &Relation, new: &NewColumn) -> Result<Option<Vec<String>>> {
    let mut steps = Vec::new();
    for constraint in &new.constraints {
        let more = match constraint.kind {
            ConstraintKind::Unique | ConstraintKind::PrimaryKey => by_index(relation, constraint)?,
            _ if constraint.not_enforced => constraint.definition.as_ref().map(|definition| {
                vec![format!("{}ADD CONSTRAINT {} {definition} NOT ENFORCED;", alter(relation), constraint.quoted)]
            }),
            _ => validated(relation, constraint, &relation.leaves)?,
        };
        let Some(more) = more else { return Ok(None) };
        steps.extend(more);
    }
    Ok(Some(steps))
}

/// A serial column by hand: the sequence belongs to the column, and numbers the rows that exist.
fn serial(relation: &Relation, new: &NewColumn) -> Result<Vec<String>> {
    let NewColumn { column, sequence, .. } = new;
    let table = alter(relation);
    let next = format!("nextval({})", literal(sequence));
    let owned = format!("OWNED BY {}.{}", relation.quoted, column.quoted);
    let mut steps = vec![format!("{table}ADD COLUMN {} {};", column.quoted, column.type_name)];
    match ownership::of_relation(relation.oid)? {
        None => steps.push(format!("CREATE SEQUENCE {sequence} AS {} {owned};", column.type_name)),
        // A table and the sequences of its columns have one owner.
        Some(owner) => steps.extend([
            format!("CREATE SEQUENCE {sequence} AS {};", column.type_name),
            owner.given("SEQUENCE", sequence),
            format!("ALTER SEQUENCE {sequence} {owned};"),
        ]),
    }
    steps.extend(usage(relation, sequence)?);
    steps.push(format!("{table}ALTER COLUMN {} SET DEFAULT {next};", column.quoted));
    steps.push(fill(relation, column, &next));
    Ok(steps)
}

/// Whoever may insert into the table draws from a sequence: the rights that the owner gives by default come with what he makes
/// himself.
fn usage(relation: &Relation, sequence: &str) -> Result<Option<String>> {
    let inserters = ownership::inserters(relation.oid, &relation.leaves)?;
    Ok((!inserters.is_empty()).then(|| format!("GRANT USAGE ON SEQUENCE {sequence} TO {};", inserters.join(", "))))
}

/// An identity column by hand: a sequence of our own numbers the rows, then the column's takes over where it stopped.
fn identity(relation: &Relation, new: &NewColumn, clause: &Identity) -> Result<Vec<String>> {
    let NewColumn { column, .. } = new;
    let table = alter(relation);
    let helper = pg::free_name::of_relation(relation.oid, &column.name, c"fill");
    let next = format!("nextval({})", literal(&helper));
    let quoted = &column.quoted;
    let mut steps = vec![format!("CREATE SEQUENCE {helper} AS {}{};", column.type_name, clause.numbers)];
    steps.extend(ownership::of_relation(relation.oid)?.map(|owner| owner.given("SEQUENCE", &helper)));
    // An identity column asks for no right on its sequence, but the default that fills it meanwhile does.
    steps.extend(usage(relation, &helper)?);
    steps.extend([
        format!("{table}ADD COLUMN {quoted} {};", column.type_name),
        format!("{table}ALTER COLUMN {quoted} SET DEFAULT {next};"),
        fill(relation, column, &next),
    ]);
    steps.extend(not_null(relation, column, &new.not_null_name));
    steps.extend([
        "BEGIN;".to_owned(),
        format!("{table}ALTER COLUMN {quoted} DROP DEFAULT, ALTER COLUMN {quoted} ADD {};", clause.clause()),
        // Not nextval(): where sessions hold numbers in a cache, the one of this session may be behind those of others.
        format!(
            "SELECT setval(pg_get_serial_sequence({}, {}), last_value, is_called) FROM {helper};",
            literal(&relation.quoted),
            literal(&column.name)
        ),
        format!("DROP SEQUENCE {helper};"),
        "COMMIT;".to_owned(),
    ]);
    Ok(steps)
}

/// The steps under a sentence, or the statement in a window when there are none.
pub fn or_window(rule: &str, change: &Change, sentence: &str, steps: Option<Vec<String>>, why: &str) -> Recipe {
    match steps {
        Some(steps) => Recipe::new(sentence, steps),
        None => Recipe::window(rule, why, change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Relation {
        Relation { quoted: "s.\"Odd'Name\"".into(), ..Relation::default() }
    }

    fn column() -> Column {
        Column { name: "c".into(), quoted: "c".into(), type_name: "text".into(), ..Column::default() }
    }

    #[test]
    fn not_null_is_proven_by_what_the_version_has() {
        let old = not_null_on(&table(), &column(), "k", false);
        assert_eq!(old.len(), 4);
        assert_eq!(old[0], "ALTER TABLE s.\"Odd'Name\" ADD CONSTRAINT k CHECK (c IS NOT NULL) NOT VALID;");
        let new = not_null_on(&table(), &column(), "k", true);
        assert_eq!(new[0], "ALTER TABLE s.\"Odd'Name\" ADD CONSTRAINT k NOT NULL c NOT VALID;");
        assert_eq!(new.len(), 2);
    }

    #[test]
    fn a_constraint_is_added_unchecked_and_then_checked() {
        let constraint = NewConstraint {
            kind: ConstraintKind::Check,
            given_name: Some("k".into()),
            quoted: "k".into(),
            columns: vec![],
            definition: Some("CHECK ((a > 0))".into()),
            not_valid: false,
            not_enforced: false,
            no_inherit: false,
            deferrable: String::new(),
            using_index: None,
            references: None,
            referenced_columns: vec![],
            index: None,
            withheld: None,
        };
        let steps = validated(&table(), &constraint, &[]).unwrap().unwrap();
        assert_eq!(steps[0], "ALTER TABLE s.\"Odd'Name\" ADD CONSTRAINT k CHECK ((a > 0)) NOT VALID;");
        assert_eq!(steps[1], "ALTER TABLE s.\"Odd'Name\" VALIDATE CONSTRAINT k;");
    }
}
