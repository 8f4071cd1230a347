//! Objects that are neither relations, types, functions nor schemas, by the nodes with which DROP names them. Columns and
//! indexes of tables may go with them.

use pgrx::pg_sys::{self, NodeTag, ObjectType as Kind, Oid};

use crate::pg::node;

// Catalogues that are not among pgrx's bindings; the same from 15 to 18.
const CONVERSIONS: Oid = Oid::from_u32(2607);
const LANGUAGES: Oid = Oid::from_u32(2612);
const TEXT_SEARCH_CONFIGURATIONS: Oid = Oid::from_u32(3602);
const TEXT_SEARCH_DICTIONARIES: Oid = Oid::from_u32(3600);
const TEXT_SEARCH_PARSERS: Oid = Oid::from_u32(3601);
const TEXT_SEARCH_TEMPLATES: Oid = Oid::from_u32(3764);

/// What they are called behind DROP; "" for a kind that is none of these.
pub fn called(kind: Kind::Type) -> &'static str {
    match kind {
        Kind::OBJECT_ACCESS_METHOD => "ACCESS METHOD",
        Kind::OBJECT_COLLATION => "COLLATION",
        Kind::OBJECT_CONVERSION => "CONVERSION",
        Kind::OBJECT_EXTENSION => "EXTENSION",
        Kind::OBJECT_FDW => "FOREIGN DATA WRAPPER",
        Kind::OBJECT_FOREIGN_SERVER => "SERVER",
        Kind::OBJECT_LANGUAGE => "LANGUAGE",
        Kind::OBJECT_OPCLASS => "OPERATOR CLASS",
        Kind::OBJECT_OPERATOR => "OPERATOR",
        Kind::OBJECT_OPFAMILY => "OPERATOR FAMILY",
        Kind::OBJECT_TSCONFIGURATION => "TEXT SEARCH CONFIGURATION",
        Kind::OBJECT_TSDICTIONARY => "TEXT SEARCH DICTIONARY",
        Kind::OBJECT_TSPARSER => "TEXT SEARCH PARSER",
        Kind::OBJECT_TSTEMPLATE => "TEXT SEARCH TEMPLATE",
        _ => "",
    }
}

/// Class and oid; `None` when there is no such object, or it is of another kind.
///
/// # Safety
/// `name` is NULL or the node that the grammar makes for this kind of object.
pub unsafe fn find(kind: Kind::Type, name: *mut pg_sys::Node) -> Option<(Oid, Oid)> {
    // Some kinds have no such node.
    if name.is_null() || called(kind).is_empty() {
        return None;
    }
    // SAFETY: the tag is checked before each cast; look-ups by name, of which none raises for what is missing.
    let (class, oid) = unsafe {
        match (*name).type_ {
            NodeTag::T_String => by_word(kind, name.cast::<pg_sys::String>())?,
            NodeTag::T_List => by_names(kind, name.cast::<pg_sys::List>())?,
            NodeTag::T_ObjectWithArgs if kind == Kind::OBJECT_OPERATOR => {
                (pg_sys::OperatorRelationId, pg_sys::LookupOperWithArgs(name.cast(), true))
            }
            _ => return None,
        }
    };
    (oid != Oid::INVALID).then_some((class, oid))
}

/// # Safety
/// A String node of the parser's.
unsafe fn by_word(kind: Kind::Type, name: *mut pg_sys::String) -> Option<(Oid, Oid)> {
    // SAFETY: the caller's promise; the name is NUL-terminated.
    unsafe {
        let name = (*name).sval;
        Some(match kind {
            Kind::OBJECT_ACCESS_METHOD => (pg_sys::AccessMethodRelationId, pg_sys::get_am_oid(name, true)),
            Kind::OBJECT_EXTENSION => (pg_sys::ExtensionRelationId, pg_sys::get_extension_oid(name, true)),
            Kind::OBJECT_FDW => {
                (pg_sys::ForeignDataWrapperRelationId, pg_sys::get_foreign_data_wrapper_oid(name, true))
            }
            Kind::OBJECT_FOREIGN_SERVER => {
                (pg_sys::ForeignServerRelationId, pg_sys::get_foreign_server_oid(name, true))
            }
            Kind::OBJECT_LANGUAGE => (LANGUAGES, pg_sys::get_language_oid(name, true)),
            _ => return None,
        })
    }
}

/// # Safety
/// A list of String nodes of the parser's.
unsafe fn by_names(kind: Kind::Type, names: *mut pg_sys::List) -> Option<(Oid, Oid)> {
    // SAFETY: the caller's promise.
    unsafe {
        Some(match kind {
            Kind::OBJECT_COLLATION => (pg_sys::CollationRelationId, pg_sys::get_collation_oid(names, true)),
            Kind::OBJECT_CONVERSION => (CONVERSIONS, pg_sys::get_conversion_oid(names, true)),
            Kind::OBJECT_TSCONFIGURATION => (TEXT_SEARCH_CONFIGURATIONS, pg_sys::get_ts_config_oid(names, true)),
            Kind::OBJECT_TSDICTIONARY => (TEXT_SEARCH_DICTIONARIES, pg_sys::get_ts_dict_oid(names, true)),
            Kind::OBJECT_TSPARSER => (TEXT_SEARCH_PARSERS, pg_sys::get_ts_parser_oid(names, true)),
            Kind::OBJECT_TSTEMPLATE => (TEXT_SEARCH_TEMPLATES, pg_sys::get_ts_template_oid(names, true)),
            // The access method comes first.
            Kind::OBJECT_OPCLASS | Kind::OBJECT_OPFAMILY => {
                let method = node::cast::<pg_sys::String>(*node::elements(names).first()?, NodeTag::T_String)?;
                let method = pg_sys::get_index_am_oid((*method).sval, true);
                let rest = pg_sys::list_delete_first(pg_sys::list_copy(names));
                if method == Oid::INVALID {
                    return None;
                }
                if kind == Kind::OBJECT_OPCLASS {
                    (pg_sys::OperatorClassRelationId, pg_sys::get_opclass_oid(method, rest, true))
                } else {
                    (pg_sys::OperatorFamilyRelationId, pg_sys::get_opfamily_oid(method, rest, true))
                }
            }
            _ => return None,
        })
    }
}
