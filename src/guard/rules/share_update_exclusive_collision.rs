//! `share-update-exclusive-collision`: of VACUUM, ANALYZE, VALIDATE and CONCURRENTLY, one at a time works on a table.

use super::ddl_behind_long_transaction::capital;
use crate::ddl::{Change, Ddl, LockMode};
use crate::error::Result;
use crate::guard::moment::blockers;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "share-update-exclusive-collision",
    class: Class::Live,
    default: Default::Always(Action::Warning),
    summary: "VALIDATE, CONCURRENTLY and the like on a table where another session does such a thing now.",
    hazard: "They exclude one another: the second waits for the first to end, and its own wait holds up what comes after it.",
    safe_way: "One after the other.",
    bad: "",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    find,
};

/// Seconds below which the other one is probably done before anybody notices.
const BRIEF: f64 = 1.0;

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let other = blockers(change, ddl).into_iter().find(|(holder, lock)| {
        let session = &holder.session;
        *lock == LockMode::ShareUpdateExclusive && !session.autovacuum && session.seconds >= BRIEF
    });
    let Some((holder, lock)) = other else { return Ok(None) };
    let session = &holder.session;
    let message = format!("{} would wait for another session's work on {}", ddl.tag, holder.quoted);
    let detail = format!(
        "{} has held {} on it for {}{}. {} excludes it, so the one waits for the other.",
        capital(&session.name()),
        holder.lock.name(),
        session.age(),
        session.doing(),
        lock.name()
    );
    Ok(Some(Finding::new(change, message, detail, Recipe::advice("Try again when it is done."))))
}
