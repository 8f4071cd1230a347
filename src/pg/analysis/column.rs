//! A column definition in a parse tree.

use pgrx::pg_sys::{self, ConstrType, NodeTag};

use crate::pg::{convert, node};

/// The columns that a command of an ALTER TABLE makes NOT NULL: SET NOT NULL, ADD PRIMARY KEY, ADD NOT NULL.
///
/// # Safety
/// `command` is the parser's tree.
pub unsafe fn made_not_null(command: &pg_sys::AlterTableCmd) -> Vec<String> {
    // SAFETY: the tag is checked before the cast; names are NULL or NUL-terminated.
    unsafe {
        if command.subtype == pg_sys::AlterTableType::AT_SetNotNull {
            return convert::string(command.name).into_iter().collect();
        }
        match node::cast::<pg_sys::Constraint>(command.def, NodeTag::T_Constraint) {
            Some(constraint)
                if matches!((*constraint).contype, ConstrType::CONSTR_PRIMARY | ConstrType::CONSTR_NOTNULL)
                    && !(*constraint).skip_validation =>
            {
                node::strings((*constraint).keys)
            }
            _ => Vec::new(),
        }
    }
}

/// Whether a relation has a column of that name.
pub fn exists(relation: u32, name: &str) -> bool {
    let name = convert::c_string(name);
    // SAFETY: a syscache look-up with a NUL-terminated name.
    unsafe { pg_sys::get_attnum(pg_sys::Oid::from(relation), name.as_ptr()) != 0 }
}

/// The integer type behind smallserial, serial and bigserial, exactly as transformColumnDefinition recognises them.
///
/// # Safety
/// `type_name` is NULL or a TypeName.
pub unsafe fn serial_type(type_name: *const pg_sys::TypeName) -> Option<pg_sys::Oid> {
    // SAFETY: the caller's promise.
    let names = if type_name.is_null() { Vec::new() } else { unsafe { node::strings((*type_name).names) } };
    match names.as_slice() {
        [only] => match only.as_str() {
            "smallserial" | "serial2" => Some(pg_sys::INT2OID),
            "serial" | "serial4" => Some(pg_sys::INT4OID),
            "bigserial" | "serial8" => Some(pg_sys::INT8OID),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the type brings a sequence as default.
///
/// # Safety
/// As for [`serial_type`].
pub unsafe fn is_serial(type_name: *const pg_sys::TypeName) -> bool {
    // SAFETY: the caller's promise.
    unsafe { serial_type(type_name) }.is_some()
}

fn is_multirange(type_oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    unsafe { pg_sys::type_is_multirange(type_oid) }
}

/// A value to start from, by the type's category in pg_type.
pub fn neutral_value(type_oid: pg_sys::Oid, type_name: &str) -> Option<String> {
    // SAFETY: syscache look-ups by oid.
    let (category, base) = unsafe {
        let (mut category, mut preferred) = (0, false);
        pg_sys::get_type_category_preferred(type_oid, &raw mut category, &raw mut preferred);
        (category as u8, pg_sys::getBaseType(type_oid))
    };
    let value = match (category, base) {
        (_, pg_sys::UUIDOID) => "gen_random_uuid()",
        (_, pg_sys::JSONOID | pg_sys::JSONBOID) => "'{}'",
        (_, pg_sys::BYTEAOID) => "''",
        (b'S', _) => "''",
        (b'N', _) => "0",
        (b'B', _) => "false",
        (b'D', _) => "now()",
        (b'T', _) => "'0'",
        (_, pg_sys::INT2VECTOROID | pg_sys::OIDVECTOROID) => return None,
        // Multiranges are of category R too, and know no 'empty'.
        (b'R', base) if is_multirange(base) => "'{}'",
        (b'A', _) => "'{}'",
        (b'I', _) => "'0.0.0.0'",
        (b'R', _) => "'empty'",
        (b'E', _) => return Some(format!("enum_first(NULL::{type_name})")),
        _ => return None,
    };
    Some(value.to_owned())
}
