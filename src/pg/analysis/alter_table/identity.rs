//! GENERATED ... AS IDENTITY and the options of its sequence, as SQL.

use pgrx::pg_sys::{self, NodeTag};

use crate::ddl::Identity;
use crate::pg::{convert, node, relation};

/// The clause of a constraint that is one.
///
/// # Safety
/// `written` is the parser's.
pub unsafe fn of(written: &pg_sys::Constraint) -> Identity {
    let mut identity =
        Identity { always: written.generated_when as u8 == pg_sys::ATTRIBUTE_IDENTITY_ALWAYS, ..Identity::default() };
    // SAFETY: the caller's promise; tags are checked before the casts, names are NUL-terminated.
    unsafe {
        for option in node::elements(written.options) {
            let Some(option) = node::cast::<pg_sys::DefElem>(option, NodeTag::T_DefElem) else { continue };
            let name = convert::string((*option).defname).unwrap_or_default();
            let argument = (*option).arg;
            match name.as_str() {
                "sequence_name" => {
                    let parts: Vec<String> =
                        node::strings(argument.cast()).iter().map(|part| relation::quoted(part)).collect();
                    identity.own.push_str(&format!(" SEQUENCE NAME {}", parts.join(".")));
                }
                "logged" | "unlogged" => identity.own.push_str(&format!(" {}", name.to_uppercase())),
                _ => identity.numbers.push_str(&number(&name, argument).unwrap_or_default()),
            }
        }
    }
    identity
}

/// An option about numbers with a blank before it; `None` for others, which Postgres does not take here.
///
/// # Safety
/// `argument` is NULL or a node of the parser's.
unsafe fn number(name: &str, argument: *mut pg_sys::Node) -> Option<String> {
    // SAFETY: tags are checked before the casts; fval is NUL-terminated.
    let value = unsafe {
        match (
            node::cast::<pg_sys::Integer>(argument, NodeTag::T_Integer),
            node::cast::<pg_sys::Float>(argument, NodeTag::T_Float),
            node::cast::<pg_sys::Boolean>(argument, NodeTag::T_Boolean),
        ) {
            (Some(integer), _, _) => Some((*integer).ival.to_string()),
            (_, Some(float), _) => convert::string((*float).fval),
            (_, _, Some(boolean)) => return (name == "cycle").then(|| cycle((*boolean).boolval)),
            _ => None,
        }
    };
    match (name, value) {
        ("start", Some(value)) => Some(format!(" START WITH {value}")),
        ("increment", Some(value)) => Some(format!(" INCREMENT BY {value}")),
        ("restart", Some(value)) => Some(format!(" RESTART WITH {value}")),
        ("cache" | "minvalue" | "maxvalue", Some(value)) => Some(format!(" {} {value}", name.to_uppercase())),
        ("minvalue" | "maxvalue", None) => Some(format!(" NO {}", name.to_uppercase())),
        _ => None,
    }
}

fn cycle(cycles: bool) -> String {
    if cycles { " CYCLE".to_owned() } else { " NO CYCLE".to_owned() }
}
