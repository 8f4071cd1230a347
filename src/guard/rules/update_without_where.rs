//! `update-without-where`: an UPDATE that a client sends without WHERE changes every row. Off until set.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::by_hand;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "update-without-where",
    class: Class::Lossy,
    default: Default::Always(Action::Off),
    summary: "An UPDATE without WHERE that a client sends; where the library is preloaded.",
    hazard: "Every row of the table is changed, and what was there before is gone. A forgotten WHERE looks just like that.",
    safe_way: "Say that every row is meant: WHERE true.",
    bad: "UPDATE plans SET name = 'x';",
    good: "UPDATE plans SET name = 'x' WHERE true;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    match &change.kind {
        ChangeKind::ByHand(by_hand) if by_hand.everything && by_hand.command == "UPDATE" => {
            by_hand::without_where(change, "change")
        }
        _ => Ok(None),
    }
}
