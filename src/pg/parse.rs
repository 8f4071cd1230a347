//! A script through Postgres's own parser: where its statements are and what they are.

use pgrx::pg_sys::{self, NodeTag};

use super::memory::Scratch;
use super::{boundary, content, convert, lexer, node, raw};
use crate::ddl::{Interruption, Name, Nature, ParsedStatement, Unkept, Unsupported};
use crate::error::Result;

/// Parses a script. A syntax error comes back as Postgres raised it, with its position in the script.
pub fn parse(script: &str) -> Result<Vec<ParsedStatement>> {
    let _scratch = Scratch::new();
    let source = convert::c_string(script);
    let source = source.as_ptr();
    let mut statements = Vec::new();
    // SAFETY: `source` is NUL-terminated; the trees live in the scratch context.
    for raw_statement in unsafe { lexer::parse(source)? } {
        // SAFETY: as above; stmt is never NULL.
        let (statement, start, length) =
            unsafe { ((*raw_statement).stmt, (*raw_statement).stmt_location, (*raw_statement).stmt_len) };
        let start = usize::try_from(start).unwrap_or(0).min(script.len());
        // A length of zero means: to the end.
        let end = match usize::try_from(length) {
            Ok(length) if length > 0 => (start + length).min(script.len()),
            _ => script.len(),
        };
        // SAFETY: raw calls on a node of the parser's; names of tags are static strings.
        statements.push(unsafe {
            let tag = boundary::catch(|| raw::CreateCommandTag(statement))?;
            ParsedStatement {
                start,
                end,
                tag: convert::string(pg_sys::GetCommandTagName(tag)).unwrap_or_default(),
                nature: nature(statement),
                content: content::of(statement),
                setting: setting(statement),
                unkept: unkept(statement),
            }
        });
    }
    Ok(statements)
}

/// Reads from the tree how a statement can be run. Which statements refuse a transaction block is what
/// `PreventInTransactionBlock` is called for in Postgres's utility commands.
///
/// # Safety
/// `statement` is the `stmt` of a RawStmt.
unsafe fn nature(statement: *mut pg_sys::Node) -> Nature {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_TransactionStmt => Nature::Unsupported(Unsupported::TransactionControl),
            NodeTag::T_CopyStmt => {
                let copy = &*statement.cast::<pg_sys::CopyStmt>();
                if copy.filename.is_null() && !copy.is_program {
                    Nature::Unsupported(Unsupported::CopyThroughClient)
                } else {
                    Nature::Transactional
                }
            }
            NodeTag::T_DropStmt if drops_migrator(&*statement.cast::<pg_sys::DropStmt>()) => {
                Nature::Unsupported(Unsupported::DropMigrator)
            }
            NodeTag::T_DiscardStmt => match (*statement.cast::<pg_sys::DiscardStmt>()).target {
                pg_sys::DiscardMode::DISCARD_ALL => Nature::Unsupported(Unsupported::Discard),
                _ => Nature::Transactional,
            },
            _ => interruption(statement).map_or(Nature::Transactional, Nature::TopLevel),
        }
    }
}

/// DROP EXTENSION migrator: it would take the code that runs it.
///
/// # Safety
/// `drop` is the parser's tree.
unsafe fn drops_migrator(drop: &pg_sys::DropStmt) -> bool {
    // SAFETY: extensions are dropped by String nodes.
    let names = unsafe { node::strings(drop.objects) };
    drop.removeType == pg_sys::ObjectType::OBJECT_EXTENSION && names.iter().any(|name| name == "migrator")
}

/// The setting that a SET or RESET changes beyond the end of its transaction.
///
/// # Safety
/// As for [`nature`].
unsafe fn setting(statement: *mut pg_sys::Node) -> Option<String> {
    use pg_sys::VariableSetKind::{VAR_RESET_ALL, VAR_SET_MULTI};
    // SAFETY: the tag is checked; the name is NULL or NUL-terminated.
    unsafe {
        let set = &*node::cast::<pg_sys::VariableSetStmt>(statement, NodeTag::T_VariableSetStmt)?;
        if set.is_local || set.kind == VAR_SET_MULTI || set.kind == VAR_RESET_ALL {
            return None;
        }
        convert::string(set.name)
    }
}

/// What a SET or RESET leaves that later transactions of the script would not find again.
///
/// # Safety
/// As for [`nature`].
unsafe fn unkept(statement: *mut pg_sys::Node) -> Option<Unkept> {
    use pg_sys::VariableSetKind::{VAR_RESET_ALL, VAR_SET_MULTI};
    // SAFETY: the tag is checked; the name is NULL or NUL-terminated.
    unsafe {
        let set = &*node::cast::<pg_sys::VariableSetStmt>(statement, NodeTag::T_VariableSetStmt)?;
        let is = |name: &str| convert::string(set.name).is_some_and(|own| own.eq_ignore_ascii_case(name));
        match set.kind {
            VAR_RESET_ALL => Some(Unkept::ResetAll),
            VAR_SET_MULTI if is("SESSION CHARACTERISTICS") => Some(Unkept::Characteristics),
            _ if set.is_local => Some(Unkept::Local),
            _ => is("default_transaction_read_only").then_some(Unkept::ReadOnly),
        }
    }
}

/// For a statement that must run at top level: what can be known after it was interrupted.
///
/// # Safety
/// As for [`nature`].
unsafe fn interruption(statement: *mut pg_sys::Node) -> Option<Interruption> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_IndexStmt => {
                let index = &*statement.cast::<pg_sys::IndexStmt>();
                index.concurrent.then(|| Interruption::ConcurrentIndex {
                    table: range_var(index.relation),
                    index: convert::string(index.idxname),
                })
            }
            NodeTag::T_DropStmt => {
                let drop = &*statement.cast::<pg_sys::DropStmt>();
                if !drop.concurrent {
                    return None;
                }
                let first = node::elements(drop.objects).first().map(|name| node::strings(name.cast()));
                Some(Interruption::ConcurrentDrop { index: dotted(first.unwrap_or_default()) })
            }
            // Whether they refuse a transaction block depends on the relation (partitioned ones do), which may not
            // exist yet; at top level all of them run.
            NodeTag::T_ReindexStmt => {
                let reindex = &*statement.cast::<pg_sys::ReindexStmt>();
                Some(match option(reindex.params, "concurrently") {
                    true => Interruption::ConcurrentReindex,
                    false => Interruption::Repeatable,
                })
            }
            NodeTag::T_ClusterStmt => Some(Interruption::Repeatable),
            NodeTag::T_VacuumStmt => {
                (*statement.cast::<pg_sys::VacuumStmt>()).is_vacuumcmd.then_some(Interruption::Repeatable)
            }
            NodeTag::T_AlterSystemStmt => Some(Interruption::Repeatable),
            NodeTag::T_CallStmt => {
                let resumes = is_backfill(&*statement.cast::<pg_sys::CallStmt>());
                Some(if resumes { Interruption::Backfill } else { Interruption::Unknowable })
            }
            NodeTag::T_CreatedbStmt
            | NodeTag::T_DropdbStmt
            | NodeTag::T_CreateTableSpaceStmt
            | NodeTag::T_DropTableSpaceStmt
            | NodeTag::T_CreateSubscriptionStmt
            | NodeTag::T_AlterSubscriptionStmt
            | NodeTag::T_DropSubscriptionStmt => Some(Interruption::AllOrNothing),
            NodeTag::T_AlterDatabaseStmt => {
                let options = (*statement.cast::<pg_sys::AlterDatabaseStmt>()).options;
                named(options, "tablespace").is_some().then_some(Interruption::AllOrNothing)
            }
            NodeTag::T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                detached_concurrently(alter.cmds).map(|partition| Interruption::ConcurrentDetach {
                    table: range_var(alter.relation),
                    partition: range_var(partition),
                })
            }
            _ => None,
        }
    }
}

/// `CALL migrator.backfill(...)`.
///
/// # Safety
/// `call` is the parser's tree.
pub(super) unsafe fn is_backfill(call: &pg_sys::CallStmt) -> bool {
    // SAFETY: funccall is never NULL; a function's name is a list of String nodes.
    unsafe { node::strings((*call.funccall).funcname) == ["migrator", "backfill"] }
}

/// Whether a statement commits on its way.
///
/// # Safety
/// As for [`nature`].
pub(super) unsafe fn is_concurrent(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    let interruption = unsafe { interruption(statement) };
    matches!(
        interruption,
        Some(
            Interruption::ConcurrentIndex { .. }
                | Interruption::ConcurrentDrop { .. }
                | Interruption::ConcurrentReindex
                | Interruption::ConcurrentDetach { .. },
        )
    )
}

/// The element of a list of DefElem that has a name.
///
/// # Safety
/// `options` is NIL or a list of nodes.
unsafe fn named(options: *mut pg_sys::List, name: &str) -> Option<*mut pg_sys::DefElem> {
    // SAFETY: the tag is checked before the cast.
    unsafe {
        node::elements(options)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .find(|e| convert::string((**e).defname).as_deref() == Some(name))
    }
}

/// Whether a list of DefElem holds an option that is on.
///
/// # Safety
/// As for [`named`].
unsafe fn option(options: *mut pg_sys::List, name: &str) -> bool {
    // SAFETY: defGetBoolean reads the element's value.
    unsafe { named(options, name).is_some_and(|e| pg_sys::defGetBoolean(e)) }
}

/// The partition that an ALTER TABLE's commands detach CONCURRENTLY.
///
/// # Safety
/// `commands` is NIL or a list of nodes.
unsafe fn detached_concurrently(commands: *mut pg_sys::List) -> Option<*mut pg_sys::RangeVar> {
    // SAFETY: tags are checked before the casts.
    unsafe {
        node::elements(commands)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .filter_map(|c| node::cast::<pg_sys::PartitionCmd>((*c).def, NodeTag::T_PartitionCmd))
            .find(|partition| (**partition).concurrent)
            .map(|partition| (*partition).name)
    }
}

/// A relation's name as written.
///
/// # Safety
/// `name` points to a RangeVar.
unsafe fn range_var(name: *const pg_sys::RangeVar) -> Name {
    // SAFETY: the caller's promise.
    unsafe {
        Name { schema: convert::string((*name).schemaname), name: convert::string((*name).relname).unwrap_or_default() }
    }
}

/// The last two parts of a dotted name.
fn dotted(mut parts: Vec<String>) -> Name {
    let name = parts.pop().unwrap_or_default();
    Name { schema: parts.pop(), name }
}
