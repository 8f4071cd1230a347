//! A column definition in a parse tree.

use pgrx::pg_sys::{self, ConstrType, NodeTag};

use crate::ddl::{Column, Filling, NewColumn, Relation};
use crate::pg::{boundary, convert, node, raw, relation};

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

/// Whether a column's definition holds constraints beside NOT NULL and DEFAULT.
///
/// # Safety
/// `definition` is the parser's tree.
pub unsafe fn has_constraints(definition: &pg_sys::ColumnDef) -> bool {
    // SAFETY: the tag is checked before the cast.
    unsafe {
        node::elements(definition.constraints)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint))
            .any(|c| !matches!((*c).contype, ConstrType::CONSTR_NOTNULL | ConstrType::CONSTR_DEFAULT))
    }
}

/// Whether a relation has a column of that name.
pub fn exists(relation: u32, name: &str) -> bool {
    let name = convert::c_string(name);
    // SAFETY: a syscache look-up with a NUL-terminated name.
    unsafe { pg_sys::get_attnum(pg_sys::Oid::from(relation), name.as_ptr()) != 0 }
}

/// Whether the definition says NOT NULL (or PRIMARY KEY), or the rest of the statement does, and gives no default other
/// than NULL, no identity and no generation expression.
///
/// # Safety
/// `definition` is the parser's tree.
pub unsafe fn is_required(definition: &pg_sys::ColumnDef, made_not_null: &[String]) -> bool {
    // SAFETY: every cast follows the tag.
    unsafe {
        let constraints: Vec<_> = node::elements(definition.constraints)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint))
            .collect();
        let has = |kind| constraints.iter().any(|c| (**c).contype == kind);
        let not_null = definition.is_not_null
            || has(ConstrType::CONSTR_NOTNULL)
            || has(ConstrType::CONSTR_PRIMARY)
            || convert::string(definition.colname).is_some_and(|name| made_not_null.contains(&name));
        let filled = has(ConstrType::CONSTR_IDENTITY)
            || has(ConstrType::CONSTR_GENERATED)
            || constraints
                .iter()
                .any(|c| (**c).contype == ConstrType::CONSTR_DEFAULT && !is_null_literal((**c).raw_expr));
        not_null && !filled && !is_serial(definition.typeName)
    }
}

/// NULL, also as `NULL::type` or with COLLATE.
///
/// # Safety
/// `expression` is NULL or the parser's tree.
unsafe fn is_null_literal(expression: *mut pg_sys::Node) -> bool {
    // SAFETY: every cast follows the tag.
    unsafe {
        if let Some(cast) = node::cast::<pg_sys::TypeCast>(expression, NodeTag::T_TypeCast) {
            return is_null_literal((*cast).arg);
        }
        if let Some(collate) = node::cast::<pg_sys::CollateClause>(expression, NodeTag::T_CollateClause) {
            return is_null_literal((*collate).arg);
        }
        node::cast::<pg_sys::A_Const>(expression, NodeTag::T_A_Const).is_some_and(|constant| (*constant).isnull)
    }
}

/// The pseudo-types that bring a sequence as default, exactly as transformColumnDefinition recognises them.
///
/// # Safety
/// `type_name` is NULL or a TypeName.
unsafe fn is_serial(type_name: *const pg_sys::TypeName) -> bool {
    // SAFETY: the caller's promise.
    let names = if type_name.is_null() { Vec::new() } else { unsafe { node::strings((*type_name).names) } };
    let serial = ["smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"];
    matches!(names.as_slice(), [only] if serial.contains(&only.as_str()))
}

/// The column as data; `None` when it exists already, when its type is a domain that brings a default, or when
/// Postgres is about to refuse the type itself.
///
/// # Safety
/// As for [`is_required`]; `table` is the relation's oid.
pub unsafe fn required(table: pg_sys::Oid, relation: &Relation, definition: &pg_sys::ColumnDef) -> Option<NewColumn> {
    // SAFETY: the caller's promise; raw calls are within the boundary, an error there is one that Postgres raises
    // itself a moment later, better than we could.
    unsafe {
        let name = convert::string(definition.colname)?;
        if pg_sys::get_attnum(table, definition.colname) != 0 {
            return None;
        }
        let (mut type_oid, mut modifier) = (pg_sys::Oid::INVALID, -1);
        let (type_oid_out, modifier_out) = (&raw mut type_oid, &raw mut modifier);
        boundary::catch(|| {
            raw::typenameTypeIdAndMod(std::ptr::null_mut(), definition.typeName, type_oid_out, modifier_out);
        })
        .ok()?;
        if !pg_sys::get_typdefault(type_oid).is_null() {
            return None;
        }
        let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as u16;
        let mut type_name = convert::string(pg_sys::format_type_extended(type_oid, modifier, flags))?;
        if !definition.collClause.is_null() {
            let collation = convert::string(pg_sys::NameListToQuotedString((*definition.collClause).collname))?;
            type_name.push_str(&format!(" COLLATE {collation}"));
        }
        let collation = String::new();
        let schema = pg_sys::get_rel_namespace(table);
        let constraint = relation::free_name(&relation.name, &name, c"not_null", schema, true);
        Some(NewColumn {
            column: Column {
                number: 0,
                quoted: relation::quoted(&name),
                name,
                not_null: false,
                type_name: type_name.clone(),
            },
            collation,
            filling: Filling::Nothing,
            default: None,
            required: true,
            neutral_value: neutral_value(type_oid, &type_name),
            not_null_name: relation::quoted(&constraint),
            constraints: Vec::new(),
            base_type: pg_sys::getBaseType(type_oid).to_u32(),
        })
    }
}

fn is_multirange(type_oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    unsafe { pg_sys::type_is_multirange(type_oid) }
}

/// A value to start from, by the type's category in pg_type.
fn neutral_value(type_oid: pg_sys::Oid, type_name: &str) -> Option<String> {
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
