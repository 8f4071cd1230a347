//! `refresh-view-blocking`: REFRESH MATERIALIZED VIEW. Hazard: nobody reads the view meanwhile.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "refresh-view-blocking",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "REFRESH MATERIALIZED VIEW without CONCURRENTLY of a large materialized view.",
    hazard: "Nobody can read it while its query runs and its indexes are built: an ACCESS EXCLUSIVE lock.",
    safe_way: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on columns of the view.",
    bad: "CREATE MATERIALIZED VIEW all_users AS SELECT id, email FROM users; REFRESH MATERIALIZED VIEW all_users;",
    good: "REFRESH MATERIALIZED VIEW user_counts;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::RefreshView { concurrently, can_be }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("nobody could read \"{}\" while it is refreshed", relation.name);
    let recipe = if *concurrently || *can_be {
        let statement = format!("REFRESH MATERIALIZED VIEW CONCURRENTLY {};", relation.quoted);
        let sentence = match blocking.held_before {
            true => "COMMIT what this transaction has done, then refresh it while it is read:",
            false => "Refresh it while it is read:",
        };
        Recipe::new(sentence, vec![statement])
    } else {
        Recipe::window(
            RULE.id,
            "CONCURRENTLY needs a unique index on columns of the view, without WHERE; it has none.",
            change,
        )
    };
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
