//! `delete-without-where`: a DELETE that a client sends without WHERE takes every row. Off until set.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::by_hand;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "delete-without-where",
    class: Class::Lossy,
    default: Default::Always(Action::Off),
    summary: "A DELETE without WHERE that a client sends; where the library is preloaded.",
    hazard: "Every row of the table is gone. A forgotten WHERE looks just like that.",
    safe_way: "Say that every row is meant: WHERE true.",
    bad: "DELETE FROM plans;",
    good: "DELETE FROM plans WHERE true;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    match &change.kind {
        ChangeKind::ByHand(by_hand) if by_hand.everything && by_hand.command == "DELETE" => {
            by_hand::without_where(change, "delete")
        }
        _ => Ok(None),
    }
}
