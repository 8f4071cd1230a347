//! A user's expressions: transformed, planned and written by Postgres, and never run.

use std::ffi::c_void;

use pgrx::pg_sys::{self, Node, NodeTag, Oid};

use super::barrier::Barrier;
use super::catalogue::Attribute;
use super::overlay;
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw};

/// Columns that an expression may name: those of a table, as a subquery of NULLs of the right types. It needs no lock,
/// and may have columns that the table does not have yet.
pub struct Namespace {
    state: *mut pg_sys::ParseState,
    context: *mut pg_sys::List,
    columns: Vec<Attribute>,
}

impl Namespace {
    /// Of these columns under the table's name. Position is number.
    pub fn new(table: &str, columns: &[Attribute]) -> Self {
        let name = convert::c_string(table);
        // SAFETY: nodes made by Postgres's own makers in the current memory context.
        unsafe {
            let query = pg_sys::palloc0(size_of::<pg_sys::Query>()).cast::<pg_sys::Query>();
            (*query).type_ = NodeTag::T_Query;
            (*query).commandType = pg_sys::CmdType::CMD_SELECT;
            for (i, column) in columns.iter().enumerate() {
                let visible = if column.dropped { format!("........{i}") } else { column.name.clone() };
                let visible = convert::c_string(&visible);
                let (type_oid, modifier, collation) = if column.dropped {
                    (pg_sys::INT4OID, -1, Oid::INVALID)
                } else {
                    (column.type_oid, column.modifier, column.collation)
                };
                let null = pg_sys::makeNullConst(type_oid, modifier, collation);
                let name = pg_sys::pstrdup(visible.as_ptr());
                let entry = pg_sys::makeTargetEntry(null.cast(), (i + 1) as i16, name, false);
                (*query).targetList = pg_sys::lappend((*query).targetList, entry.cast());
            }
            let state = pg_sys::make_parsestate(std::ptr::null_mut());
            let alias = pg_sys::makeAlias(name.as_ptr(), std::ptr::null_mut());
            let item = pg_sys::addRangeTableEntryForSubquery(state, query, alias, false, true);
            pg_sys::addNSItemToQuery(state, item, false, true, true);
            let plan = pg_sys::palloc0(size_of::<pg_sys::PlannedStmt>()).cast::<pg_sys::PlannedStmt>();
            (*plan).type_ = NodeTag::T_PlannedStmt;
            (*plan).rtable = (*state).p_rtable;
            // A list of C strings, not of nodes.
            let names = pg_sys::lappend(std::ptr::null_mut(), pg_sys::pstrdup(name.as_ptr()).cast());
            let context = pg_sys::deparse_context_for_plan_tree(plan, names);
            Self { state, context, columns: columns.to_vec() }
        }
    }

    /// A raw expression with its names resolved; `None` when that would run a user's function. Errors are the
    /// statement's own.
    ///
    /// # Safety
    /// `expression` is the parser's tree; it is copied.
    pub unsafe fn transform(
        &self,
        expression: *mut Node,
        kind: pg_sys::ParseExprKind::Type,
    ) -> Result<Option<*mut Node>> {
        let state = self.state;
        // SAFETY: the caller's promise; raw calls.
        unsafe {
            let copy = pg_sys::copyObjectImpl(expression.cast()).cast::<Node>();
            unless_stopped(|| {
                let transformed = raw::transformExpr(state, copy, kind);
                raw::assign_expr_collations(state, transformed);
                transformed
            })
        }
    }

    /// The same for what must be a condition.
    ///
    /// # Safety
    /// As for [`Self::transform`].
    pub unsafe fn condition(
        &self,
        expression: *mut Node,
        kind: pg_sys::ParseExprKind::Type,
    ) -> Result<Option<*mut Node>> {
        // SAFETY: the caller's promise.
        unsafe {
            let transformed = self.transform(expression, kind)?;
            Ok(transformed.map(|condition| pg_sys::coerce_to_boolean(self.state, condition, c"CHECK".as_ptr())))
        }
    }

    /// An expression as SQL; names of columns are not prefixed.
    ///
    /// # Safety
    /// `expression` was transformed here.
    pub unsafe fn write(&self, expression: *mut Node) -> String {
        // SAFETY: the caller's promise; the result is palloc'd.
        unsafe { convert::string(pg_sys::deparse_expression(expression, self.context, false, false)) }
            .unwrap_or_default()
    }

    /// A raw expression as Postgres writes it; `None` as for [`Self::transform`].
    ///
    /// # Safety
    /// As for [`Self::transform`].
    pub unsafe fn rewrite(&self, expression: *mut Node, kind: pg_sys::ParseExprKind::Type) -> Result<Option<String>> {
        // SAFETY: the caller's promise.
        unsafe { Ok(self.transform(expression, kind)?.map(|transformed| self.write(transformed))) }
    }

    /// The columns that an expression names, by which Postgres names a CHECK: the only one, or none.
    ///
    /// # Safety
    /// `expression` was transformed here.
    pub unsafe fn only_column(&self, expression: *mut Node) -> Option<String> {
        let mut set: *mut pg_sys::Bitmapset = std::ptr::null_mut();
        // SAFETY: the caller's promise; the set is made by Postgres.
        let (members, first) = unsafe {
            pg_sys::pull_varattnos(expression, 1, &raw mut set);
            (pg_sys::bms_num_members(set), pg_sys::bms_next_member(set, -1))
        };
        let number = usize::try_from(first + pg_sys::FirstLowInvalidHeapAttributeNumber).ok()?;
        if members != 1 || number == 0 {
            return None;
        }
        self.columns.get(number - 1).map(|column| column.name.clone())
    }

    /// An expression coerced to a column's type as ALTER COLUMN TYPE does; `None` when there is no such cast.
    ///
    /// # Safety
    /// `expression` was transformed.
    pub unsafe fn coerce(&self, expression: *mut Node, column: &Attribute) -> Option<*mut Node> {
        // SAFETY: the caller's promise.
        unsafe {
            let coerced = pg_sys::coerce_to_target_type(
                self.state,
                expression,
                pg_sys::exprType(expression),
                column.type_oid,
                column.modifier,
                pg_sys::CoercionContext::COERCION_ASSIGNMENT,
                pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
                -1,
            );
            if coerced.is_null() {
                return None;
            }
            pg_sys::assign_expr_collations(self.state, coerced);
            Some(coerced)
        }
    }

    /// A column's default, coerced to its type as Postgres stores it; `None` as for [`Self::transform`].
    ///
    /// # Safety
    /// As for [`Self::transform`].
    pub unsafe fn default(&self, expression: *mut Node, column: &Attribute) -> Result<Option<*mut Node>> {
        let name = convert::c_string(&column.name);
        let (state, name) = (self.state, name.as_ptr());
        let (type_oid, modifier, generated) = (column.type_oid, column.modifier, column.generated as std::ffi::c_char);
        // SAFETY: the caller's promise. cookDefault refuses variables in a plain default itself.
        unsafe {
            let copy = pg_sys::copyObjectImpl(expression.cast()).cast::<Node>();
            unless_stopped(|| raw::cookDefault(state, copy, type_oid, modifier, name, generated))
        }
    }
}

/// A step of Postgres's under the barrier; `None` when it was about to run a user's function.
///
/// # Safety
/// As for [`boundary::catch`].
unsafe fn unless_stopped<T>(step: impl FnOnce() -> T) -> Result<Option<T>> {
    let barrier = Barrier::up();
    // SAFETY: the caller's promise.
    match (unsafe { boundary::catch(step) }, barrier.stopped()) {
        (Ok(value), _) => Ok(Some(value)),
        (Err(_), Some(_)) => Ok(None),
        (Err(error), None) => Err(error),
    }
}

/// Planned as Postgres plans a default or a USING expression: SQL functions inlined, constants folded, but no user's
/// function run. One that Postgres would run stays a call.
///
/// # Safety
/// `expression` was transformed; it may be changed.
pub unsafe fn planned(expression: *mut Node) -> Result<*mut Node> {
    // A user's function in it that is IMMUTABLE and has constant arguments would be run: it is kept from being folded,
    // one by one. Its value is unknown then, its volatility is not.
    const ATTEMPTS: usize = 64;
    let barrier = Barrier::up();
    for _ in 0..ATTEMPTS {
        // SAFETY: the caller's promise; planning works on a copy.
        let outcome = unsafe {
            let copy = pg_sys::copyObjectImpl(expression.cast()).cast::<Node>();
            boundary::catch(|| raw::expression_planner(copy.cast()))
        };
        match (outcome, barrier.stopped()) {
            (Ok(planned), _) => return Ok(planned.cast()),
            // SAFETY: the caller's promise.
            (Err(_), Some(function)) if unsafe { keep_from_folding(expression, function) } => {}
            (Err(_), Some(_)) => break,
            (Err(error), None) => return Err(error),
        }
    }
    Ok(expression)
}

/// Whether Postgres deems an expression volatile after planning it.
///
/// # Safety
/// As for [`planned`].
pub unsafe fn is_volatile(expression: *mut Node) -> Result<bool> {
    // SAFETY: the caller's promise.
    unsafe {
        let planned = planned(expression)?;
        Ok(pg_sys::contain_volatile_functions(planned))
    }
}

struct Kept {
    function: Oid,
    found: bool,
}

/// Adds an argument that is not a constant to every call of a function, so that it is not folded and not inlined.
///
/// # Safety
/// `expression` was transformed.
unsafe fn keep_from_folding(expression: *mut Node, function: Oid) -> bool {
    let mut kept = Kept { function, found: false };
    // SAFETY: the walker visits every node once; the context outlives it.
    unsafe {
        visit(expression, (&raw mut kept).cast());
    }
    kept.found
}

unsafe extern "C-unwind" fn visit(n: *mut Node, context: *mut c_void) -> bool {
    // SAFETY: Postgres's walker hands over nodes of the tree and our context; casts follow the tag.
    unsafe {
        if n.is_null() {
            return false;
        }
        let kept = &mut *context.cast::<Kept>();
        if let Some(call) = node::cast::<pg_sys::FuncExpr>(n, NodeTag::T_FuncExpr) {
            if (*call).funcid == kept.function {
                kept.found |= add_unknown(&mut (*call).args);
            }
        } else if let Some(call) = node::cast::<pg_sys::OpExpr>(n, NodeTag::T_OpExpr) {
            pg_sys::set_opfuncid(call);
            if (*call).opfuncid == kept.function {
                kept.found |= add_unknown(&mut (*call).args);
            }
        }
        pg_sys::expression_tree_walker(n, Some(visit), context)
    }
}

/// A Param that nobody will ever fill. False when one is there already, so that the caller cannot go round for ever.
unsafe fn add_unknown(arguments: &mut *mut pg_sys::List) -> bool {
    // SAFETY: nodes made in the current memory context; tags are checked.
    unsafe {
        let has_one =
            node::elements(*arguments).into_iter().any(|n| node::cast::<pg_sys::Param>(n, NodeTag::T_Param).is_some());
        if has_one {
            return false;
        }
        let parameter = pg_sys::palloc0(size_of::<pg_sys::Param>()).cast::<pg_sys::Param>();
        (*parameter).xpr.type_ = NodeTag::T_Param;
        (*parameter).paramkind = pg_sys::ParamKind::PARAM_EXTERN;
        (*parameter).paramid = 1;
        (*parameter).paramtype = pg_sys::INT4OID;
        (*parameter).paramtypmod = -1;
        (*parameter).location = -1;
        *arguments = pg_sys::lappend(*arguments, parameter.cast());
        true
    }
}

/// Whether conditions that hold for every row of a table imply another, by Postgres's own prover. `known` and `wanted` are
/// transformed for range table entry 1.
///
/// # Safety
/// The trees were transformed; they may be changed.
pub unsafe fn implied(known: &[*mut Node], wanted: *mut pg_sys::List) -> Result<bool> {
    // SAFETY: the caller's promise; each step works on palloc'd lists.
    unsafe {
        let mut clauses: *mut pg_sys::List = std::ptr::null_mut();
        for condition in known {
            let folded = planned(*condition)?;
            let canonical = boundary::catch(|| raw::canonicalize_qual(folded.cast(), true))?;
            clauses = pg_sys::list_concat(clauses, pg_sys::make_ands_implicit(canonical));
        }
        // Operators that the prover evaluates on constants may be a user's.
        Ok(unless_stopped(|| raw::predicate_implied_by(wanted, clauses, true))?.unwrap_or(false))
    }
}

/// A name list as SQL.
///
/// # Safety
/// `names` is NIL or a list of String nodes.
pub unsafe fn dotted(names: *mut pg_sys::List) -> String {
    // SAFETY: the caller's promise; the result is palloc'd.
    unsafe { convert::string(pg_sys::NameListToQuotedString(names)) }.unwrap_or_default()
}

/// A type as Postgres writes it, modifier included.
pub fn type_name(type_oid: Oid, modifier: i32) -> String {
    let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as u16;
    // SAFETY: a syscache look-up; the result is palloc'd.
    unsafe { convert::string(pg_sys::format_type_extended(type_oid, modifier, flags)) }.unwrap_or_default()
}

/// The type and modifier a TypeName means.
///
/// # Safety
/// `name` points to a TypeName.
pub unsafe fn resolve_type(name: *const pg_sys::TypeName) -> Result<(Oid, i32)> {
    // SAFETY: the caller's promise.
    if let Some(new) = unsafe { overlay::new_type(name) } {
        return Ok((new.stands_for.oid.into(), new.stands_for.modifier));
    }
    let (mut type_oid, mut modifier) = (Oid::INVALID, -1);
    let (type_out, modifier_out) = (&raw mut type_oid, &raw mut modifier);
    // SAFETY: the caller's promise; one raw call.
    unsafe { boundary::catch(|| raw::typenameTypeIdAndMod(std::ptr::null_mut(), name, type_out, modifier_out))? };
    Ok((type_oid, modifier))
}
