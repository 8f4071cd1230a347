//! A script, analysed statement by statement. Nothing of it is run; what it would set is set meanwhile as far as it gives
//! names and literals their meaning.

use pgrx::pg_sys::{self, NodeTag, VariableSetKind};

use super::prior::{self, Scope};
use super::{analyse_text, effects, locks};
use crate::ddl::{Ddl, Effect};
use crate::error::Result;
use crate::pg::memory::Scratch;
use crate::pg::settings_scope::SettingsScope;
use crate::pg::{boundary, convert, lexer, node, raw, subtransaction, versions};

/// A script that is being analysed. Dropping it forgets what its statements would have done.
pub struct Script {
    transactional: bool,
    /// Whether the locks of each statement are asked for.
    locks: bool,
    // Dropped in this order.
    settings: Option<SettingsScope>,
    _scope: Scope,
}

/// Settings that decide what names and literals mean, or what counts as large.
const MEANINGFUL: &[&str] = &[
    "search_path",
    "timezone",
    "datestyle",
    "intervalstyle",
    "default_tablespace",
    "default_table_access_method",
    "migrator.large_table_rows",
    "migrator.large_table_size",
    "migrator.allow",
];

impl Script {
    /// Before its first statement. A transactional one holds its locks to the end.
    pub fn open(transactional: bool) -> Self {
        Self { transactional, locks: false, settings: Some(SettingsScope::open()), _scope: Scope::open() }
    }

    /// Before the first of several scripts that run one after the other, see [`Self::turn_to`]. Each statement comes with
    /// its locks.
    pub fn open_plan() -> Self {
        Self { locks: true, ..Self::open(true) }
    }

    /// Before the first statement of the next script: settings and locks of the one before have ended with it, what it
    /// makes is there.
    pub fn turn_to(&mut self, transactional: bool) {
        prior::add(Effect::Committed);
        // One level must end before the next begins.
        self.settings = None;
        self.settings = Some(SettingsScope::open());
        self.transactional = transactional;
    }

    /// A statement that has run: of it only what it sets counts.
    pub fn skip(&self, text: &str) -> Result<()> {
        let _scratch = Scratch::new();
        let source = convert::c_string(text);
        // SAFETY: `source` is NUL-terminated; the tree lives in the scratch context, which outlives its use.
        unsafe {
            if let Some(first) = lexer::parse(source.as_ptr())?.first().copied() {
                self.set((*first).stmt);
            }
        }
        Ok(())
    }

    /// The locks of a statement. It is parsed anew, because the analysis may have changed its tree.
    ///
    /// # Safety
    /// `source` is the statement, NUL-terminated.
    unsafe fn locks_of(&self, source: *const std::ffi::c_char, ddl: &mut Ddl) -> Result<()> {
        if !self.locks {
            return Ok(());
        }
        // SAFETY: the caller's promise; the tree lives in the caller's scratch context.
        unsafe {
            let Some(first) = lexer::parse(source)?.first().copied() else { return Ok(()) };
            let statement = (*first).stmt;
            ddl.locks =
                super::tolerant(|| subtransaction::rolled_back(|| locks::of(statement, &ddl.changes)))?.flatten();
        }
        Ok(())
    }

    /// Analyses the next statement, which is the whole text.
    pub fn next(&self, text: &str) -> Result<Ddl> {
        let _scratch = Scratch::new();
        let source = convert::c_string(text);
        // SAFETY: `source` is NUL-terminated; the tree lives in the scratch context, which outlives its use.
        unsafe {
            let Some(first) = lexer::parse(source.as_ptr())?.first().copied() else { return Ok(Ddl::default()) };
            let statement = (*first).stmt;
            let mut ddl = analyse_text(statement, text)?;
            self.locks_of(source.as_ptr(), &mut ddl)?;
            // What earlier statements took; this one's are noted below.
            let held = prior::ask(|prior| prior.locks()).unwrap_or_default();
            ddl.moment.held = held.into_iter().filter(|(_, mode)| mode.blocks_writes()).collect();
            let noted = super::tolerant(|| subtransaction::rolled_back(|| effects::of(statement, &ddl.changes)))?;
            noted.unwrap_or_default().into_iter().for_each(prior::add);
            if !self.transactional {
                prior::add(Effect::Committed);
            }
            self.set(statement);
            Ok(ddl)
        }
    }

    /// SET, RESET and `SELECT set_config(...)`, by the caller's rights. What Postgres would refuse is left as it is.
    ///
    /// # Safety
    /// `statement` is the parser's tree.
    unsafe fn set(&self, statement: *mut pg_sys::Node) {
        // SAFETY: every cast follows the tag; ExtractSetVariableArgs only reads the tree.
        unsafe {
            if let Some(set) = node::cast::<pg_sys::VariableSetStmt>(statement, NodeTag::T_VariableSetStmt) {
                if (*set).is_local && !self.transactional {
                    return;
                }
                let name = convert::string((*set).name).unwrap_or_default();
                match (*set).kind {
                    VariableSetKind::VAR_SET_VALUE => {
                        let value = boundary::catch(|| raw::ExtractSetVariableArgs(set));
                        if let Some(value) = value.ok().and_then(|v| convert::string(v)) {
                            assign(&name, Some(&value));
                        }
                    }
                    VariableSetKind::VAR_SET_DEFAULT | VariableSetKind::VAR_RESET => assign(&name, None),
                    VariableSetKind::VAR_RESET_ALL => MEANINGFUL.iter().for_each(|name| assign(name, None)),
                    _ => {}
                }
            } else if let Some((name, value, local)) = set_config(statement)
                && (self.transactional || !local)
            {
                assign(&name, Some(&value));
            }
        }
    }
}

/// Analyses a statement for which Postgres will fire no event when it runs; `None` when it will.
pub fn unseen(text: &str) -> Result<Option<Ddl>> {
    let _scratch = Scratch::new();
    let source = convert::c_string(text);
    // SAFETY: `source` is NUL-terminated; the tree lives in the scratch context, which outlives its use.
    unsafe {
        let Some(first) = lexer::parse(source.as_ptr())?.first().copied() else { return Ok(None) };
        let statement = (*first).stmt;
        let fires_none = match (*statement).type_ {
            NodeTag::T_UpdateStmt
            | NodeTag::T_DeleteStmt
            | NodeTag::T_MergeStmt
            | NodeTag::T_InsertStmt
            | NodeTag::T_TruncateStmt
            | NodeTag::T_VacuumStmt
            | NodeTag::T_ClusterStmt
            | NodeTag::T_LockStmt => true,
            NodeTag::T_SelectStmt => (*statement.cast::<pg_sys::SelectStmt>()).intoClause.is_null(),
            NodeTag::T_ReindexStmt => !versions::REINDEX_FIRES_EVENTS,
            _ => false,
        };
        if fires_none { analyse_text(statement, text).map(Some) } else { Ok(None) }
    }
}

/// Sets a setting until the script ends; `None` resets it.
fn assign(name: &str, value: Option<&str>) {
    if !MEANINGFUL.contains(&name.to_ascii_lowercase().as_str()) {
        return;
    }
    let (name, value) = (convert::c_string(name), value.map(convert::c_string));
    let (name, value) = (name.as_ptr(), value.as_ref().map_or(std::ptr::null(), |v| v.as_ptr()));
    // What Postgres refuses here, it will refuse when the script runs; said at DEBUG5, it is no error.
    const QUIET: std::ffi::c_int = pgrx::PgLogLevel::DEBUG5 as std::ffi::c_int;
    let set = |change: bool| {
        let (session, local) = (pg_sys::GucSource::PGC_S_SESSION, pg_sys::GucAction::GUC_ACTION_LOCAL);
        // SAFETY: a raw call with NUL-terminated arguments that outlive it, as SET makes it.
        unsafe {
            let context =
                if pg_sys::superuser() { pg_sys::GucContext::PGC_SUSET } else { pg_sys::GucContext::PGC_USERSET };
            boundary::catch(|| raw::set_config_option(name, value, context, session, local, change, QUIET, false))
        }
    };
    // The check of a value may look into the catalogue and raise there: tried where nothing of it stays. 0 is a refusal.
    if super::tolerant(|| subtransaction::rolled_back(|| set(false)))
        .is_ok_and(|checked| checked.is_some_and(|answer| answer != 0))
    {
        drop(set(true));
    }
}

/// `SELECT set_config('name', 'value', local)` with literals, as dumps have it.
///
/// # Safety
/// `statement` is the parser's tree.
unsafe fn set_config(statement: *mut pg_sys::Node) -> Option<(String, String, bool)> {
    // SAFETY: every cast follows the tag; strings are NUL-terminated.
    unsafe {
        let select = &*node::cast::<pg_sys::SelectStmt>(statement, NodeTag::T_SelectStmt)?;
        let [target] = node::elements(select.targetList)[..] else { return None };
        let target = &*node::cast::<pg_sys::ResTarget>(target, NodeTag::T_ResTarget)?;
        let call = &*node::cast::<pg_sys::FuncCall>(target.val, NodeTag::T_FuncCall)?;
        if node::strings(call.funcname).last().map(String::as_str) != Some("set_config") {
            return None;
        }
        let [name, value, local] = node::elements(call.args)[..] else { return None };
        let text = |n| {
            let constant = &*node::cast::<pg_sys::A_Const>(n, NodeTag::T_A_Const)?;
            let is_text = !constant.isnull && constant.val.node.type_ == NodeTag::T_String;
            is_text.then(|| convert::string(constant.val.sval.sval)).flatten()
        };
        let local = match node::cast::<pg_sys::A_Const>(local, NodeTag::T_A_Const) {
            Some(constant) => (*constant).val.node.type_ == NodeTag::T_Boolean && (*constant).val.boolval.boolval,
            None => false,
        };
        Some((text(name)?, text(value)?, local))
    }
}
