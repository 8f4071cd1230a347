//! CREATE OR REPLACE FUNCTION of one that exists.

use pgrx::pg_sys::{self, FunctionParameterMode, NodeTag, Oid};

use crate::ddl::{Change, ChangeKind};
use crate::error::Result;
use crate::pg::{convert, node, object, statement_text};

/// The statement as a change; `None` when it makes a new function.
///
/// # Safety
/// `function` is the parser's tree.
pub unsafe fn change(function: &pg_sys::CreateFunctionStmt) -> Result<Option<Change>> {
    if !function.replace {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe {
        let Some(oid) = existing(function) else { return Ok(None) };
        if !object::is_guarded(pg_sys::ProcedureRelationId, oid) {
            return Ok(None);
        }
        let kind = if function.is_procedure { "PROCEDURE" } else { "FUNCTION" };
        let function_object = object::object(pg_sys::ProcedureRelationId, oid, kind, None);
        // A hint has one statement a line, and a body cannot be put on one.
        let sql = statement_text::of(std::ptr::from_ref(function).cast_mut().cast()).filter(|sql| !sql.contains('\n'));
        let kind = ChangeKind::ReplaceFunction { function: function_object };
        Ok(Some(Change { on: None, kind, lock: None, sql, work: Vec::new() }))
    }
}

/// The function of that name and those input arguments in the schema it would be made in.
///
/// # Safety
/// As for [`change`].
unsafe fn existing(function: &pg_sys::CreateFunctionStmt) -> Option<Oid> {
    // SAFETY: parameters are FunctionParameter nodes; an unknown type or schema is an error that Postgres raises itself.
    unsafe {
        if node::strings(function.funcname).first().is_some_and(|schema| schema == "pg_temp") {
            return None;
        }
        let mut name = std::ptr::null_mut();
        let schema = pg_sys::QualifiedNameGetCreationNamespace(function.funcname, &raw mut name);
        let mut types = Vec::new();
        for parameter in node::elements(function.parameters) {
            let parameter = &*node::cast::<pg_sys::FunctionParameter>(parameter, NodeTag::T_FunctionParameter)?;
            let output = [FunctionParameterMode::FUNC_PARAM_OUT, FunctionParameterMode::FUNC_PARAM_TABLE];
            if !output.contains(&parameter.mode) {
                types.push(pg_sys::typenameTypeId(std::ptr::null_mut(), parameter.argType));
            }
        }
        let arguments = pg_sys::buildoidvector(types.as_ptr(), i32::try_from(types.len()).ok()?);
        let oid = pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as i16,
            pg_sys::Datum::from(name),
            pg_sys::Datum::from(arguments),
            pg_sys::Datum::from(schema),
            pg_sys::Datum::from(0),
        );
        let _ = convert::string(name)?;
        (oid != Oid::INVALID).then_some(oid)
    }
}
