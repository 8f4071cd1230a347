//! UPDATE, DELETE and MERGE as they are about to run: what their plan and their text say of them.

use pgrx::pg_sys::{self, CmdType, Node, NodeTag, Oid, PlannedStmt};

use super::{boundary, convert, lexer, node, raw, relation, versions};
use crate::ddl::{ByHand, Change, ChangeKind, Ddl, LockMode};
use crate::error::Result;

/// What it changes, in tables that others see: where its text has no WHERE, if that is asked for, and where the planner
/// expects `many` rows or more. The trees of the text are left to the current memory context.
///
/// # Safety
/// A plan of the planner's.
pub(super) unsafe fn describe(
    planned: *mut PlannedStmt,
    text: Option<String>,
    without_where: bool,
    many: Option<u64>,
) -> Result<Ddl> {
    // SAFETY: the caller's promise; names of tags are static.
    unsafe {
        let tag = boundary::catch(|| raw::CreateCommandTag(planned.cast()))?;
        let tag = convert::string(pg_sys::GetCommandTagName(tag)).unwrap_or_default();
        let mut found = from_plan(&*planned);
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        for whole in found.iter_mut().filter(|f| text.to_ascii_uppercase().starts_with(f.command)) {
            whole.sql = can_be_typed(text).then(|| text.to_owned());
        }
        // Of several plans that rules made of one statement, one stands for it.
        if without_where && (*planned).canSetTag {
            for open in without_condition(text)? {
                match found.iter_mut().find(|f| f.command == open.command && f.relation == open.relation) {
                    Some(known) => *known = Found { rows: known.rows, ..open },
                    None => found.push(open),
                }
            }
        }
        let asked = |f: &Found| f.everything || many.is_some_and(|many| f.rows.is_some_and(|rows| rows >= many));
        found.retain(|f| asked(f) && relation::existed_before(f.relation));
        let changes = found.into_iter().map(Found::change).collect::<Result<Vec<_>>>()?;
        Ok(Ddl { tag, changes, ..Ddl::default() })
    }
}

/// Rows of a table that a statement changes.
struct Found {
    command: &'static str,
    relation: Oid,
    with_children: bool,
    rows: Option<u64>,
    /// It has no WHERE.
    everything: bool,
    /// A statement that says so and can be typed.
    sql: Option<String>,
}

impl Found {
    fn change(self) -> Result<Change> {
        let Self { command, relation, with_children, rows, everything, sql } = self;
        Ok(Change {
            on: Some(relation::describe(relation, with_children)?),
            kind: ChangeKind::ByHand(ByHand { command, rows, everything }),
            lock: Some(LockMode::RowExclusive),
            sql,
            work: Vec::new(),
        })
    }
}

/// The tables that a plan changes, with the rows that the planner expects.
///
/// # Safety
/// A plan of the planner's.
unsafe fn from_plan(planned: &PlannedStmt) -> Vec<Found> {
    // SAFETY: the caller's promise; casts follow the tag. A ModifyTable is the top of a statement or of one in WITH.
    unsafe {
        let tops = std::iter::once(planned.planTree.cast::<Node>()).chain(node::elements(planned.subplans));
        let entries = node::elements(planned.rtable);
        tops.filter_map(|top| {
            let modify = &*node::cast::<pg_sys::ModifyTable>(top, NodeTag::T_ModifyTable)?;
            let command = match modify.operation {
                CmdType::CMD_UPDATE => "UPDATE",
                CmdType::CMD_DELETE => "DELETE",
                CmdType::CMD_MERGE => "MERGE",
                _ => return None,
            };
            let position = usize::try_from(modify.nominalRelation).ok()?.checked_sub(1)?;
            let entry = &*node::cast::<pg_sys::RangeTblEntry>(*entries.get(position)?, NodeTag::T_RangeTblEntry)?;
            let rows = modify.plan.lefttree.as_ref().map(|input| input.plan_rows.max(0.0) as u64);
            Some(Found { command, relation: entry.relid, with_children: entry.inh, rows, everything: false, sql: None })
        })
        .collect()
    }
}

/// The UPDATE and DELETE of a text that have no WHERE, those in its WITH included.
///
/// # Safety
/// The parse trees are left to the current memory context.
unsafe fn without_condition(text: &str) -> Result<Vec<Found>> {
    let source = convert::c_string(text);
    // SAFETY: `source` is NUL-terminated; casts follow the tag.
    unsafe {
        // What can no longer be parsed, because the session reads strings in another way, was understood when it was sent.
        let Ok(parsed) = lexer::parse(source.as_ptr()) else { return Ok(Vec::new()) };
        let [only] = parsed[..] else { return Ok(Vec::new()) };
        let whole = (*only).stmt;
        let mut statement = whole;
        if let Some(explain) = node::cast::<pg_sys::ExplainStmt>(statement, NodeTag::T_ExplainStmt) {
            statement = (*explain).query;
        }
        if let Some(prepare) = node::cast::<pg_sys::PrepareStmt>(statement, NodeTag::T_PrepareStmt) {
            statement = (*prepare).query;
        }
        let mut found = Vec::new();
        for inner in queries_within(statement) {
            found.extend(everything(inner, None)?);
        }
        found.extend(everything(statement, (statement == whole).then_some(text))?);
        Ok(found)
    }
}

/// The statements in the WITH of a statement.
///
/// # Safety
/// `statement` is the parser's tree.
unsafe fn queries_within(statement: *mut Node) -> Vec<*mut Node> {
    // SAFETY: casts follow the tag.
    unsafe {
        let with = match (*statement).type_ {
            NodeTag::T_SelectStmt => (*statement.cast::<pg_sys::SelectStmt>()).withClause,
            NodeTag::T_InsertStmt => (*statement.cast::<pg_sys::InsertStmt>()).withClause,
            NodeTag::T_UpdateStmt => (*statement.cast::<pg_sys::UpdateStmt>()).withClause,
            NodeTag::T_DeleteStmt => (*statement.cast::<pg_sys::DeleteStmt>()).withClause,
            NodeTag::T_MergeStmt => (*statement.cast::<pg_sys::MergeStmt>()).withClause,
            _ => std::ptr::null_mut(),
        };
        let queries = if with.is_null() { Vec::new() } else { node::elements((*with).ctes) };
        queries
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::CommonTableExpr>(n, NodeTag::T_CommonTableExpr))
            .map(|query| (*query).ctequery)
            .collect()
    }
}

/// An UPDATE or DELETE, if it has no WHERE. `text` is the statement, where it is all of it.
///
/// # Safety
/// `statement` is the parser's tree.
unsafe fn everything(statement: *mut Node, text: Option<&str>) -> Result<Option<Found>> {
    // SAFETY: casts follow the tag.
    unsafe {
        let (command, name, condition, silent) =
            if let Some(update) = node::cast::<pg_sys::UpdateStmt>(statement, NodeTag::T_UpdateStmt) {
                ("UPDATE", (*update).relation, (*update).whereClause, versions::returns_nothing(&*update))
            } else if let Some(delete) = node::cast::<pg_sys::DeleteStmt>(statement, NodeTag::T_DeleteStmt) {
                ("DELETE", (*delete).relation, (*delete).whereClause, versions::deletes_silently(&*delete))
            } else {
                return Ok(None);
            };
        if !condition.is_null() || name.is_null() {
            return Ok(None);
        }
        let Some(relation) = relation::lookup(name)? else { return Ok(None) };
        let sql = text.filter(|text| silent && can_be_typed(text)).map(|text| format!("{text} WHERE true"));
        Ok(Some(Found { command, relation, with_children: (*name).inh, rows: None, everything: true, sql }))
    }
}

/// Whether a text can be typed, with something behind it: one line, no comment at its end, no parameters of a protocol.
fn can_be_typed(text: &str) -> bool {
    let has_parameter = text.as_bytes().windows(2).any(|pair| pair[0] == b'$' && pair[1].is_ascii_digit());
    !has_parameter && !text.contains('\n') && !text.contains("--") && !text.contains("/*")
}

#[cfg(test)]
mod tests {
    use super::can_be_typed;

    #[test]
    fn what_a_condition_can_be_put_behind() {
        assert!(can_be_typed(" UPDATE t SET a = '$' "));
        assert!(!can_be_typed("UPDATE t SET a = $1"));
        assert!(!can_be_typed("DELETE FROM t -- all"));
        assert!(!can_be_typed("DELETE FROM\nt"));
    }
}
