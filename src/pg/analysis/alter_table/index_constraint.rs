//! UNIQUE, PRIMARY KEY and EXCLUDE: the indexes they build.

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::describe::{listed, operator, written};
use super::{Alteration, as_column, not_null, present};
use crate::ddl::{Column, ConstraintKind, IndexDefinition, NewConstraint, TreeNode, Work, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, INDEX_BY_OID, Key};
use crate::pg::analysis::{create_index, index_name, index_statement, overlay};
use crate::pg::{convert, node, relation, versions};

/// The index named by USING INDEX; 0 for one that an earlier statement of the script makes.
///
/// # Safety
/// `constraint` is the parser's.
pub unsafe fn existing(alteration: &Alteration<'_>, constraint: &pg_sys::Constraint) -> Option<u32> {
    if constraint.indexname.is_null() {
        return None;
    }
    // An index is in its table's schema.
    let found = overlay::beside(alteration.oid, &overlay::spelled(constraint.indexname)?)?;
    Some(found.map_or(0, Oid::to_u32))
}

/// The columns of an index.
pub fn columns(table: Oid, index: u32) -> Vec<Column> {
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index)]);
    let Some(row) = rows.first() else { return Vec::new() };
    let keys = usize::try_from(row.small(c"indnkeyatts")).unwrap_or(0);
    row.small_array(c"indkey")
        .into_iter()
        .take(keys)
        .filter_map(|number| catalogue::attribute(table, number))
        .map(|a| as_column(&a))
        .collect()
}

/// The work of building it. A primary key on columns that may be NULL reads the rows for that as well.
///
/// # Safety
/// `constraint` is the parser's.
pub unsafe fn work(
    alteration: &Alteration<'_>,
    new: &NewConstraint,
    constraint: &pg_sys::Constraint,
) -> Result<Vec<Work>> {
    // ONLY a partitioned table makes an index without partitions: nothing is built.
    if alteration.on.partitioned && !alteration.recurses {
        return Ok(Vec::new());
    }
    let mut work: Vec<Work> = Vec::new();
    // SAFETY: the caller's promise.
    let covered = unsafe { create_index::covered_by_constraints(alteration.oid, new, constraint)? };
    for table in alteration.stored_for_keys() {
        if !covered.contains(&table) {
            work.extend(alteration.work(table, WorkKind::Build));
        }
    }
    if new.kind == ConstraintKind::PrimaryKey {
        for table in alteration.stored() {
            for column in &new.columns {
                if not_null::scans(alteration, table, &column.name, table == alteration.oid)? {
                    work.extend(alteration.work(table, WorkKind::Scan));
                    break;
                }
            }
        }
    }
    Ok(work)
}

/// The constraint as SQL; also how its index would be made by hand.
///
/// # Safety
/// `constraint` is the parser's.
pub unsafe fn definition(
    alteration: &Alteration<'_>,
    new: &mut NewConstraint,
    constraint: &pg_sys::Constraint,
) -> Option<String> {
    // SAFETY: the caller's promise; names are NULL or NUL-terminated, lists NIL or lists of nodes.
    unsafe {
        let word = match new.kind {
            ConstraintKind::PrimaryKey => "PRIMARY KEY",
            ConstraintKind::Unique => "UNIQUE",
            _ => return exclusion(alteration, constraint),
        };
        if new.using_index.is_some() {
            let index = convert::string(constraint.indexname)?;
            return Some(format!("{word} USING INDEX {}", relation::quoted(&index)));
        }
        let overlaps = if versions::without_overlaps(constraint) { " WITHOUT OVERLAPS" } else { "" };
        let keys = listed(&new.columns) + overlaps;
        let included: Vec<String> = node::strings(constraint.including).iter().map(|c| relation::quoted(c)).collect();
        let include = if included.is_empty() { String::new() } else { format!(" INCLUDE ({})", included.join(", ")) };
        let distinct = if constraint.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
        let with = index_statement::options(constraint.options).map(|o| format!(" WITH ({o})")).unwrap_or_default();
        let space = convert::string(constraint.indexspace).map(|s| relation::quoted(&s));
        let by_hand = space.as_ref().map(|s| format!(" TABLESPACE {s}")).unwrap_or_default();
        let in_constraint = space.as_ref().map(|s| format!(" USING INDEX TABLESPACE {s}")).unwrap_or_default();
        // An index without overlaps can only be made by its constraint.
        let body = format!("USING btree ({keys}){include}{distinct}{with}{by_hand}");
        new.index = overlaps.is_empty().then_some(IndexDefinition {
            unique: true,
            name_clause: format!("{} ", new.quoted),
            shape: index_statement::shape(&format!("CREATE UNIQUE INDEX ON t {body}")).unwrap_or_default(),
            body: Some(body),
            invalid: None,
            tree: if alteration.on.partitioned { tree(alteration, new, constraint).ok()? } else { Vec::new() },
        });
        Some(format!("{word}{distinct} ({keys}){include}{with}{in_constraint}"))
    }
}

/// What the columns of a UNIQUE add to its name: those it includes count.
///
/// # Safety
/// `constraint` is the parser's.
pub unsafe fn name_part(keys: &[String], constraint: &pg_sys::Constraint) -> String {
    // SAFETY: NIL or a list of nodes.
    let included = unsafe { node::strings(constraint.including) };
    index_name::joined(keys.iter().cloned().chain(included))
}

/// The partitions, with the names of their indexes and constraints.
///
/// # Safety
/// `constraint` is the parser's.
unsafe fn tree(
    alteration: &Alteration<'_>,
    new: &NewConstraint,
    constraint: &pg_sys::Constraint,
) -> Result<Vec<TreeNode>> {
    let names: Vec<String> = new.columns.iter().map(|c| c.name.clone()).collect();
    let (columns, label) = match new.kind {
        ConstraintKind::PrimaryKey => (String::new(), c"pkey"),
        // SAFETY: the caller's promise.
        _ => (unsafe { name_part(&names, constraint) }, c"key"),
    };
    index_statement::named_tree(alteration.oid, None, &columns, label)
}

/// `EXCLUDE USING ...`.
///
/// # Safety
/// `constraint` is the parser's.
unsafe fn exclusion(alteration: &Alteration<'_>, constraint: &pg_sys::Constraint) -> Option<String> {
    use pg_sys::ParseExprKind::{EXPR_KIND_INDEX_EXPRESSION, EXPR_KIND_INDEX_PREDICATE};
    // SAFETY: the caller's promise; every element is a list of an IndexElem and an operator's name.
    unsafe {
        let mut elements = Vec::new();
        for pair in node::elements(constraint.exclusions) {
            let pair = node::elements(node::cast::<pg_sys::List>(pair, NodeTag::T_List)?);
            let element = &*node::cast::<pg_sys::IndexElem>(*pair.first()?, NodeTag::T_IndexElem)?;
            let names = node::cast::<pg_sys::List>(*pair.get(1)?, NodeTag::T_List)?;
            let expression = match present(element.expr) {
                Some(raw) => Some(written(alteration, raw, EXPR_KIND_INDEX_EXPRESSION)?),
                None => None,
            };
            elements.push(format!(
                "{} WITH {}",
                index_statement::element(element, expression.as_deref())?,
                operator(names)
            ));
        }
        let method = convert::string(constraint.access_method).unwrap_or_else(|| "btree".to_owned());
        let mut text = format!("EXCLUDE USING {} ({})", relation::quoted(&method), elements.join(", "));
        let included: Vec<String> = node::strings(constraint.including).iter().map(|c| relation::quoted(c)).collect();
        if !included.is_empty() {
            text.push_str(&format!(" INCLUDE ({})", included.join(", ")));
        }
        if let Some(options) = index_statement::options(constraint.options) {
            text.push_str(&format!(" WITH ({options})"));
        }
        if let Some(space) = convert::string(constraint.indexspace) {
            text.push_str(&format!(" USING INDEX TABLESPACE {}", relation::quoted(&space)));
        }
        if let Some(condition) = present(constraint.where_clause) {
            text.push_str(&format!(" WHERE ({})", written(alteration, condition, EXPR_KIND_INDEX_PREDICATE)?));
        }
        Some(text)
    }
}
