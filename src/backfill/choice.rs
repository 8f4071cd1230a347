//! How a table is walked: whole or leaf by leaf, by key or through its pages, and in how many stripes.

use crate::catalog::backfill::run::Run;
use crate::catalog::backfill::target::{self, Described};
use crate::catalog::backfill::{Clauses, Unit, Walk, statement, unit::Stored};
use crate::catalog::keys::{self, Key};
use crate::error::{Report, Result, code, fail};
use crate::guard::Size;
use crate::pg::{relation, subtransaction};

/// What the caller asks for; `None` leaves it to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub walk: Option<Walk>,
    pub stripes: Option<u32>,
}

/// What was chosen, and why.
#[derive(Clone, Debug)]
pub struct Choice {
    pub walk: Walk,
    pub units: Vec<Unit>,
    pub why_walk: String,
    /// Per unit.
    pub why_stripes: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
}

/// Each page is visited so often at most.
const STRIPES: u32 = 8;
/// Below so many pages striping saves nothing worth the visits.
const SMALL: u64 = 64;
const PAGE: u64 = 8192;
/// Rows looked at to see whether the order of the keys is the order of the pages.
const SAMPLE: u64 = 500;

/// Chooses for a table that may be a target.
pub fn choose(described: &Described, clauses: &Clauses, columns: &[String], wish: Wish) -> Result<Choice> {
    let tree: Vec<u32> = relation::inheritors(described.relation.into())?.into_iter().map(|o| o.to_u32()).collect();
    let members = target::describe(&tree)?;
    let leaves: Vec<&Described> = members.iter().filter(|m| m.kind != 'p').collect();
    if described.kind == 'p' {
        keeps_its_partition(described, columns)?;
    }
    let (walk, why_walk) = match whole(described, &leaves, &tree)? {
        Some(why) => return as_a_whole(described, &tree, wish, &why),
        None => walk(described, &leaves, clauses, wish)?,
    };
    let mut choice = Choice { walk, units: Vec::new(), why_walk, why_stripes: Vec::new(), rows: 0, bytes: 0 };
    for leaf in leaves {
        let size = Size::of(&[leaf.relation])?;
        let key = keys::of(leaf.relation)?;
        if walk == Walk::Key && key.is_none() {
            return fail(no_key(&leaf.quoted, clauses));
        }
        let mut unit = Unit {
            ordinal: u32::try_from(choice.units.len()).unwrap_or(u32::MAX),
            relation: leaf.relation,
            name: leaf.quoted.clone(),
            alias: (leaf.relation != described.relation).then(|| described.name.clone()),
            only: true,
            walk,
            key,
            stripes: 1,
            density: density(size),
        };
        let (stripes, why) = stripes(&unit, size, columns, wish)?;
        unit.stripes = stripes;
        choice.rows += size.rows;
        choice.bytes += size.heap;
        choice.units.push(unit);
        choice.why_stripes.push(why);
    }
    Ok(choice)
}

/// Why a tree of tables cannot be changed leaf by leaf; `None` when it can.
fn whole(described: &Described, leaves: &[&Described], tree: &[u32]) -> Result<Option<String>> {
    if tree.len() == 1 {
        return Ok(None);
    }
    if let Some(foreign) = leaves.iter().find(|l| l.kind == 'f') {
        return Ok(Some(format!("{} is a foreign table", foreign.quoted)));
    }
    // An UPDATE of the parent heeds the parent's policies and no others.
    for table in std::iter::once(described).chain(leaves.iter().copied()) {
        if target::has_policies_for_caller(table.relation)? {
            return Ok(Some(format!("policies of {} apply to you", table.quoted)));
        }
    }
    let oids: Vec<u32> = leaves.iter().map(|l| l.relation).collect();
    let missing = target::not_updatable(&oids)?.and_then(|oid| leaves.iter().find(|l| l.relation == oid));
    Ok(missing.map(|leaf| format!("you have no rights on {} itself", leaf.quoted)))
}

/// The tree as one table, along the key of its parent.
fn as_a_whole(described: &Described, tree: &[u32], wish: Wish, why: &str) -> Result<Choice> {
    let refuse = |found: String| {
        fail(
            Report::new(code::BACKFILL_TARGET, format!("{} cannot be backfilled", described.quoted))
                .detail(found)
                .hint("Backfill its tables one by one, or as a role that owns them all."),
        )
    };
    let Some(key) = keys::of(described.relation)? else {
        return refuse(format!("It cannot be walked table by table ({why}), and has no unique key of its own."));
    };
    if let Some(column) = keys::nullable_in_child(tree, &key)? {
        return refuse(format!("Its key may be NULL in a child table (column {column}); such rows would be left out."));
    }
    if wish.walk == Some(Walk::Physical) {
        return refuse(format!("It cannot be walked through its pages: {why}."));
    }
    let size = Size::of(tree)?;
    let unit = Unit {
        ordinal: 0,
        relation: described.relation,
        name: described.quoted.clone(),
        alias: None,
        only: false,
        walk: Walk::Key,
        key: Some(key),
        stripes: 1,
        density: density(size),
    };
    Ok(Choice {
        walk: Walk::Key,
        units: vec![unit],
        why_walk: format!("as a whole, because {why}"),
        why_stripes: vec!["it is walked as a whole".to_owned()],
        rows: size.rows,
        bytes: size.heap,
    })
}

fn walk(described: &Described, leaves: &[&Described], clauses: &Clauses, wish: Wish) -> Result<(Walk, String)> {
    let heap = leaves.iter().all(|l| l.heap);
    let oids: Vec<u32> = leaves.iter().map(|l| l.relation).collect();
    let refuse = |found: &str, hint: &str| {
        fail(
            Report::new(code::BACKFILL_TARGET, format!("{} cannot be walked through its pages", described.quoted))
                .detail(found)
                .hint(hint),
        )
    };
    match (wish.walk, &clauses.condition) {
        (Some(Walk::Physical), None) => refuse(
            "Rows move when they are changed, and no where_clause tells which are done.",
            "Give a where_clause that is false for the rows that are done, or leave walk out.",
        ),
        (Some(Walk::Physical), _) if !heap => refuse("Its table access method is not heap.", "Leave walk out."),
        (Some(walk), _) => Ok((walk, "as you asked".to_owned())),
        (None, Some(_)) if heap && !target::may_read_places(&oids)? => {
            Ok((Walk::Key, "you may read only some of its columns, so not where its rows are".to_owned()))
        }
        (None, Some(_)) if heap => {
            Ok((Walk::Physical, "page by page each page is written once; where_clause finds what moves".to_owned()))
        }
        (None, Some(_)) => Ok((Walk::Key, "its table access method is not heap".to_owned())),
        (None, None) => Ok((Walk::Key, "no where_clause tells which rows are done, so the key does".to_owned())),
    }
}

fn no_key(name: &str, clauses: &Clauses) -> Report {
    let report = Report::new(code::BACKFILL_TARGET, format!("{name} cannot be backfilled by key"))
        .detail("It has no primary key, and no other unique key of NOT NULL columns.");
    if clauses.condition.is_some() {
        return report.hint("Leave walk out: where_clause tells which rows are done, so no key is needed.");
    }
    report.hint("Give a where_clause that is false for the rows that are done; then no key is needed.")
}

/// How many stripes, and why.
fn stripes(unit: &Unit, size: Size, columns: &[String], wish: Wish) -> Result<(u32, String)> {
    if let Some(stripes) = wish.stripes {
        if stripes > 1 && unit.walk == Walk::Key {
            statement::can_hash(unit).map_err(|mut error| {
                error.hint.get_or_insert_with(|| "Leave stripes out: they are made by a hash of the key.".to_owned());
                error
            })?;
        }
        return Ok((stripes, "as you asked".to_owned()));
    }
    let off = |why: &str| Ok((1, why.to_owned()));
    if let Some(index) = target::index_on(unit.relation, columns)? {
        return off(&format!("index \"{index}\" covers a column that changes, so no update can be HOT"));
    }
    if size.heap / PAGE < SMALL {
        return off("the table is small");
    }
    if unit.density < 4.0 {
        return off("a page holds too few rows");
    }
    if unit.walk == Walk::Key {
        if subtransaction::contained(|| statement::can_hash(unit)).is_err() {
            return off("its key has no hash function");
        }
        if !is_clustered(unit)? {
            return off("the rows are not stored in the order of the key");
        }
    }
    Ok((for_density(unit.density), "no index covers a column that changes: most updates will be HOT".to_owned()))
}

/// At least two rows of a page in each stripe.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn for_density(density: f64) -> u32 {
    (density / 2.0).floor().clamp(1.0, f64::from(STRIPES)) as u32
}

/// Whether rows that are neighbours by key share pages.
#[allow(clippy::cast_precision_loss)]
fn is_clustered(unit: &Unit) -> Result<bool> {
    let (pages, rows) = statement::pages_of_first(unit, SAMPLE)?;
    Ok(pages as f64 <= 3.0 * (rows as f64 / unit.density + 1.0))
}

/// Rows on a page.
#[allow(clippy::cast_precision_loss)]
fn density(size: Size) -> f64 {
    (size.rows as f64 / (size.heap / PAGE).max(1) as f64).max(1.0)
}

/// A row that its change moves to another partition would be met there again.
fn keeps_its_partition(described: &Described, columns: &[String]) -> Result<()> {
    let by = target::partition_columns(described.relation)?;
    match columns.iter().find(|c| by.contains(c)) {
        None => Ok(()),
        Some(column) => fail(
            Report::new(
                code::BACKFILL_CLAUSE,
                format!("set_clause changes \"{column}\", by which {} is partitioned", described.quoted),
            )
            .detail("Rows would move to partitions that were walked already, or will be walked yet.")
            .hint("Fill another column, or copy the rows to a table that is partitioned by it."),
        ),
    }
}

/// The tables of a run as they were stored, with what the catalogue says about them now.
pub fn restore(target: u32, stored: &[Stored]) -> Result<Vec<Unit>> {
    let name = target::describe(&[target])?.pop().map(|d| d.name);
    let relations: Vec<u32> = stored.iter().map(|s| s.relation).collect();
    let now = target::describe(&relations)?;
    stored
        .iter()
        .map(|s| {
            // It may have been renamed since; one that is gone fails under its old name.
            let quoted = now.iter().find(|d| d.relation == s.relation).map(|d| d.quoted.clone());
            let key: Option<Key> = keys::of(s.relation)?;
            let members: Vec<u32> = if s.whole { relation::leaves(s.relation)? } else { vec![s.relation] };
            Ok(Unit {
                ordinal: s.ordinal,
                relation: s.relation,
                name: quoted.unwrap_or_else(|| s.name.clone()),
                alias: name.clone().filter(|_| s.relation != target),
                only: !s.whole,
                walk: s.walk,
                key: key.filter(|_| s.walk == Walk::Physical || !s.key_order.is_empty()),
                stripes: s.stripes,
                density: density(Size::of(&members)?),
            })
        })
        .collect()
}

/// The tables below a target that are not known yet: partitions that came while it was walked. For the sweep.
pub fn newcomers(run: &Run, known: &[u32]) -> Result<Vec<Unit>> {
    let tree = relation::leaves(run.relation)?;
    let new: Vec<u32> = tree.into_iter().filter(|leaf| !known.contains(leaf)).collect();
    if new.is_empty() || known == [run.relation] {
        return Ok(Vec::new());
    }
    let name = target::describe(&[run.relation])?.pop().map(|d| d.name);
    target::describe(&new)?
        .into_iter()
        .map(|leaf| {
            Ok(Unit {
                ordinal: u32::MAX,
                relation: leaf.relation,
                name: leaf.quoted,
                alias: name.clone(),
                only: true,
                walk: Walk::Physical,
                key: keys::of(leaf.relation)?,
                stripes: 1,
                density: 1.0,
            })
        })
        .collect()
}

/// Whether a run that was stored would be begun in the same way now.
pub fn is_as_stored(units: &[Unit], stored: &[Stored]) -> bool {
    units.len() == stored.len()
        && units.iter().zip(stored).all(|(unit, stored)| {
            unit.relation == stored.relation
                && unit.walk == stored.walk
                && (unit.walk == Walk::Physical
                    || unit.key.as_ref().map(Key::order).unwrap_or_default() == stored.key_order)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_leave_two_rows_of_a_page_each() {
        assert_eq!(for_density(60.0), 8);
        assert_eq!(for_density(10.0), 5);
        assert_eq!(for_density(4.0), 2);
        assert_eq!(for_density(1.0), 1);
    }
}
