//! The part of an index's name that its columns make, as Postgres makes it (`ChooseIndexColumnNames` and
//! `ChooseIndexNameAddition`).

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::{boundary, convert, node, raw};

/// The longest name.
const LIMIT: usize = pg_sys::NAMEDATALEN as usize - 1;

/// Of what a CREATE INDEX lists, INCLUDE too.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn of(statement: &pg_sys::IndexStmt) -> String {
    // SAFETY: the tag is checked before the cast.
    unsafe {
        let listed =
            node::elements(statement.indexParams).into_iter().chain(node::elements(statement.indexIncludingParams));
        let names = listed
            .filter_map(|n| node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem))
            .map(|element| own_name(&*element).unwrap_or_else(|| "expr".to_owned()));
        joined(names)
    }
}

/// The name of a column, or that which an expression would have in the output of a query.
///
/// # Safety
/// `element` is the parser's.
unsafe fn own_name(element: &pg_sys::IndexElem) -> Option<String> {
    let expression = element.expr;
    // SAFETY: names are NULL or NUL-terminated; one raw call on a raw expression, which it only reads.
    unsafe {
        convert::string(element.indexcolname).or_else(|| convert::string(element.name)).or_else(|| {
            let figured = || raw::FigureIndexColname(expression);
            if expression.is_null() { None } else { convert::string(boundary::catch(figured).ok()?) }
        })
    }
}

/// The names with `_` between, a name that was there before numbered, cut where Postgres has no more room.
pub fn joined(names: impl IntoIterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut text = String::new();
    for name in names {
        let mut unique = name.clone();
        let mut number = 1;
        while seen.contains(&unique) {
            let suffix = number.to_string();
            unique = format!("{}{suffix}", cut(&name, LIMIT - suffix.len()));
            number += 1;
        }
        if text.len() <= LIMIT {
            if !text.is_empty() {
                text.push('_');
            }
            text.push_str(&unique);
        }
        seen.push(unique);
    }
    text
}

/// At most so many bytes, in whole characters.
fn cut(name: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(name.len())).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::joined;

    fn of(names: &[&str]) -> String {
        joined(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_name_that_was_there_is_numbered() {
        assert_eq!(of(&["lower", "id", "lower", "lower"]), "lower_id_lower1_lower2");
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let long = "x".repeat(63);
        assert_eq!(of(&["a", &long, "b"]), format!("a_{long}"));
        assert_eq!(of(&[&long, &long]), format!("{long}_{}1", "x".repeat(62)));
    }
}
