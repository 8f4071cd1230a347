//! UPDATE, DELETE and MERGE: how many rows they change, and what of them a backfill could do.
//!
//! Counted are the rows that a SELECT from the same tables under the same condition would yield; what an UPDATE computes
//! does not change their number.

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::{estimate, prior};
use crate::ddl::clauses::{self, Assignment};
use crate::ddl::{Change, ChangeKind, LockMode, Modification, Relation};
use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::{convert, lexer, node, relation, versions};

/// A statement's parts, whichever command it is.
struct Parts {
    command: &'static str,
    relation: *mut pg_sys::RangeVar,
    /// Further tables.
    from: *mut pg_sys::List,
    condition: *mut pg_sys::Node,
    with: *mut pg_sys::WithClause,
}

/// The changes of rows that a statement asks for, its WITH clause included. `text` is the statement.
///
/// # Safety
/// `statement` is the parser's tree; it may be changed.
pub unsafe fn changes(statement: *mut pg_sys::Node, text: &str) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    // SAFETY: every cast follows the tag.
    unsafe {
        let with = match (*statement).type_ {
            NodeTag::T_SelectStmt => (*statement.cast::<pg_sys::SelectStmt>()).withClause,
            NodeTag::T_InsertStmt => (*statement.cast::<pg_sys::InsertStmt>()).withClause,
            _ => parts(statement).map_or(std::ptr::null_mut(), |p| p.with),
        };
        let queries = if with.is_null() { Vec::new() } else { node::elements((*with).ctes) };
        for (number, query) in queries.iter().enumerate() {
            let Some(query) = node::cast::<pg_sys::CommonTableExpr>(*query, NodeTag::T_CommonTableExpr) else {
                continue;
            };
            if let Some(inner) = parts((*query).ctequery) {
                // What stands before it in the list is what it can refer to.
                let before = pg_sys::list_copy_head((*with).ctes, number as i32);
                let known = pg_sys::copyObjectImpl(with.cast()).cast::<pg_sys::WithClause>();
                (*known).ctes = before;
                changes.extend(change(&Parts { with: known, ..inner }, None)?);
            }
        }
        if let Some(parts) = parts(statement) {
            changes.extend(change(&parts, Some((statement, text)))?);
        }
    }
    Ok(changes)
}

/// # Safety
/// `statement` is NULL or the parser's tree.
unsafe fn parts(statement: *mut pg_sys::Node) -> Option<Parts> {
    // SAFETY: every cast follows the tag.
    unsafe {
        if let Some(update) = node::cast::<pg_sys::UpdateStmt>(statement, NodeTag::T_UpdateStmt) {
            let update = &*update;
            return Some(Parts {
                command: "UPDATE",
                relation: update.relation,
                from: update.fromClause,
                condition: update.whereClause,
                with: update.withClause,
            });
        }
        if let Some(delete) = node::cast::<pg_sys::DeleteStmt>(statement, NodeTag::T_DeleteStmt) {
            let delete = &*delete;
            return Some(Parts {
                command: "DELETE",
                relation: delete.relation,
                from: delete.usingClause,
                condition: delete.whereClause,
                with: delete.withClause,
            });
        }
        let merge = &*node::cast::<pg_sys::MergeStmt>(statement, NodeTag::T_MergeStmt)?;
        let source = pg_sys::lappend(std::ptr::null_mut(), merge.sourceRelation.cast());
        Some(Parts {
            command: "MERGE",
            relation: merge.relation,
            from: source,
            condition: merge.joinCondition,
            with: merge.withClause,
        })
    }
}

/// # Safety
/// As for [`changes`]; `whole` is the statement, when the parts are all of it.
unsafe fn change(parts: &Parts, whole: Option<(*mut pg_sys::Node, &str)>) -> Result<Option<Change>> {
    // SAFETY: the caller's promise.
    unsafe {
        let positioned = node::cast::<pg_sys::CurrentOfExpr>(parts.condition, NodeTag::T_CurrentOfExpr).is_some();
        if parts.relation.is_null() || positioned {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(parts.relation)? else { return Ok(None) };
        if !relation::existed_before(oid) || relation::is_emptied(oid) {
            return Ok(None);
        }
        let on = relation::describe(oid, (*parts.relation).inh)?;
        let alias = if (*parts.relation).alias.is_null() {
            None
        } else {
            convert::string((*(*parts.relation).alias).aliasname)
        };
        let source = source(&on, (*parts.relation).inh, alias.as_deref());
        let readable = is_readable(parts, oid)?;
        let rows = if readable { count(parts, &source)? } else { None };
        if rows.is_none() && !(parts.condition.is_null() && parts.from.is_null()) {
            return Ok(None);
        }
        let mut modification = Modification { command: parts.command, rows, ..Modification::default() };
        modification.plain = parts.from.is_null() && parts.with.is_null();
        if let (Some((statement, text)), true) = (whole, modification.plain && readable) {
            write(&mut modification, statement, text, &source, alias.as_deref())?;
        }
        Ok(Some(Change {
            on: Some(on),
            kind: ChangeKind::Modify(modification),
            lock: Some(LockMode::RowExclusive),
            sql: None,
            work: Vec::new(),
        }))
    }
}

/// The table as a SELECT reads it, with the columns it has after the statements so far.
fn source(on: &Relation, inherited: bool, alias: Option<&str>) -> String {
    let alias = relation::quoted(alias.unwrap_or(&on.name));
    let only = if inherited { "" } else { "ONLY " };
    // The catalogue knows it by its old name.
    let (schema, name) = relation::catalogue_names(Oid::from(on.oid));
    let table = relation::qualified(&schema, &name);
    let columns = prior::ask(|prior| {
        let added = prior.columns(on.oid).iter().map(|c| (c.name.clone(), format!("({})::{}", c.value, c.type_name)));
        let renamed = prior
            .renamed_columns(on.oid)
            .into_iter()
            .map(|(to, from)| (to.to_owned(), format!("\"{}\"", from.replace('"', "\"\""))));
        added.chain(renamed).collect::<Vec<_>>()
    })
    .unwrap_or_default();
    if columns.is_empty() {
        return format!("{only}{table} AS {alias}");
    }
    let columns: Vec<String> =
        columns.into_iter().map(|(name, value)| format!(", {value} AS {}", relation::quoted(&name))).collect();
    format!("(SELECT *{} FROM {only}{table}) AS {alias}", columns.concat())
}

/// Whether the tables are free to be looked at: planning would queue for a lock that another session has, if only for an
/// instant.
///
/// # Safety
/// As for [`changes`].
unsafe fn is_readable(parts: &Parts, target: Oid) -> Result<bool> {
    let mut tables = relation::inheritors(target)?;
    // SAFETY: the tag is checked before the cast.
    unsafe {
        for item in node::elements(parts.from) {
            if let Some(name) = node::cast::<pg_sys::RangeVar>(item, NodeTag::T_RangeVar) {
                tables.extend(relation::lookup(name)?);
            }
        }
    }
    Ok(tables.into_iter().all(|table| Peek::open(table).is_some()))
}

/// Rows under the condition.
///
/// # Safety
/// As for [`changes`].
unsafe fn count(parts: &Parts, source: &str) -> Result<Option<u64>> {
    let text = convert::c_string(&format!("SELECT 1 FROM {source}"));
    // SAFETY: `text` is NUL-terminated and outlives the call; a SELECT parses to a SelectStmt.
    unsafe {
        let Some(raw) = lexer::parse(text.as_ptr())?.first().copied() else { return Ok(None) };
        let Some(select) = node::cast::<pg_sys::SelectStmt>((*raw).stmt, NodeTag::T_SelectStmt) else {
            return Ok(None);
        };
        (*select).fromClause = pg_sys::list_concat((*select).fromClause, parts.from);
        (*select).whereClause = pg_sys::copyObjectImpl(parts.condition.cast()).cast();
        (*select).withClause = parts.with;
        estimate::rows(raw, text.as_ptr())
    }
}

/// What a hint needs of a statement on one table.
///
/// # Safety
/// As for [`changes`].
unsafe fn write(
    modification: &mut Modification,
    statement: *mut pg_sys::Node,
    text: &str,
    source: &str,
    alias: Option<&str>,
) -> Result<()> {
    // SAFETY: every cast follows the tag.
    unsafe {
        if modification.command == "DELETE" {
            modification.condition = clauses::of_delete(text, alias);
            return Ok(());
        }
        let Some(update) = node::cast::<pg_sys::UpdateStmt>(statement, NodeTag::T_UpdateStmt) else { return Ok(()) };
        let Some(columns) = set_columns((*update).targetList) else { return Ok(()) };
        if !versions::returns_nothing(&*update) {
            return Ok(());
        }
        let Some(found) = clauses::of_update(text, alias) else { return Ok(()) };
        let known = assignments(&found, &columns, source)?;
        if found.assignments.len() == columns.len()
            && let Some(remaining) = found.remaining(&known)
        {
            modification.set = Some(found.set);
            modification.columns = columns;
            modification.remaining = remaining;
        }
        Ok(())
    }
}

/// The columns that a SET list names; `None` when it sets parts of columns, or several at once.
///
/// # Safety
/// `list` is a SET list of the parser's.
unsafe fn set_columns(list: *mut pg_sys::List) -> Option<Vec<String>> {
    // SAFETY: the tags are checked before the casts.
    unsafe {
        node::elements(list)
            .into_iter()
            .map(|n| {
                let target = &*node::cast::<pg_sys::ResTarget>(n, NodeTag::T_ResTarget)?;
                let several = node::cast::<pg_sys::MultiAssignRef>(target.val, NodeTag::T_MultiAssignRef).is_some();
                if several || !target.indirection.is_null() { None } else { convert::string(target.name) }
            })
            .collect()
    }
}

/// What is known of each assignment; nothing when the values cannot be analysed now.
///
/// # Safety
/// As for [`changes`].
unsafe fn assignments(found: &clauses::UpdateClauses, columns: &[String], source: &str) -> Result<Vec<Assignment>> {
    // Value and column side by side: the second says which type the first becomes.
    let pairs: Vec<String> = found
        .assignments
        .iter()
        .zip(columns)
        .map(|((_, value), column)| {
            let value = if value.eq_ignore_ascii_case("default") { "NULL" } else { value };
            format!("({value}), {}", relation::quoted(column))
        })
        .collect();
    let text = convert::c_string(&format!("SELECT {} FROM {source}", pairs.join(", ")));
    // SAFETY: `text` is NUL-terminated and outlives the call.
    let values = unsafe {
        // The author's own text: should it not be what it seems, the parser says so.
        let Ok(parsed) = lexer::parse(text.as_ptr()) else { return Ok(Vec::new()) };
        let [raw] = parsed[..] else { return Ok(Vec::new()) };
        estimate::values(raw, text.as_ptr())?.unwrap_or_default()
    };
    Ok(values
        .chunks_exact(2)
        .zip(&found.assignments)
        .map(|(pair, (_, value))| {
            let (given, column) = (pair[0], pair[1]);
            let same = given.type_oid == column.type_oid && (column.modifier < 0 || column.modifier == given.modifier);
            // A literal takes the type of what it is compared with.
            let literal = column.modifier < 0 && value.starts_with('\'') && value.ends_with('\'');
            let cast = (!same && !literal).then(|| estimate::type_name(column.type_oid, column.modifier));
            Assignment { cast, volatile: given.volatile, comparable: estimate::is_comparable(column.type_oid) }
        })
        .collect())
}
