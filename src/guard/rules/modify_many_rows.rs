//! `modify-many-rows`: an UPDATE, DELETE or MERGE that a client sends and that is about to change many rows. Off until set.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::{self, Size};

pub static RULE: Rule = Rule {
    id: "modify-many-rows",
    class: Class::Blocking,
    default: Default::Always(Action::Off),
    summary: "An UPDATE, DELETE or MERGE that a client sends and that changes threshold_rows or more, by the planner's \
              estimate; where the library is preloaded.",
    hazard: "All of them stay locked against other writers until it ends, VACUUM cannot clean up behind it, and replicas fall \
             behind.",
    safe_way: "CALL migrator.backfill(...), which commits in small batches; for DELETE, batches by key.",
    bad: "UPDATE users SET note = email WHERE id > 0;",
    good: "UPDATE users SET note = email WHERE id = 1;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::ByHand(by_hand), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let Some(rows) = by_hand.rows else { return Ok(None) };
    if !size::are_many(rows)? {
        return Ok(None);
    }
    let (command, verb) = (by_hand.command, if by_hand.command == "DELETE" { "delete" } else { "change" });
    let message = format!("{command} would {verb} about {rows} rows of \"{}\" at once", relation.name);
    let detail = format!(
        "{} has {}. Until the end, other writers wait for every row that it has changed, and VACUUM cannot clean up behind it.",
        relation.quoted,
        Size::of(&relation.leaves)?.describe()?
    );
    let batches = match command {
        "UPDATE" => "Do it in small batches: CALL migrator.backfill(...)",
        "DELETE" => {
            "Do it in small batches: DELETE ... WHERE (key) IN (SELECT key ... LIMIT 5000), each in its own transaction"
        }
        _ => "Do it in several transactions, each for a part of the rows",
    };
    let recipe = match &change.sql {
        Some(sql) => {
            Recipe::allowing(format!("{batches}. Where it has to be at once:"), &[RULE.id], vec![format!("{sql};")])
        }
        None => Recipe::advice(format!(
            "{batches}. Where it has to be at once, type SET LOCAL migrator.allow = '{}'; before it in its transaction.",
            RULE.id
        )),
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
