//! `wraparound-autovacuum`: a vacuum against wraparound is at the table, and steps back for nobody.

use super::ddl_behind_long_transaction::capital;
use crate::ddl::{Change, Ddl};
use crate::error::Result;
use crate::guard::moment::blockers;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "wraparound-autovacuum",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "DDL on a table that autovacuum is vacuuming to prevent transaction id wraparound.",
    hazard: "Other autovacuums step back for DDL; this one does not. The statement would wait for it, which may take hours, and \
             readers and writers behind the statement.",
    safe_way: "Let it finish: it must be done. It is faster with a higher maintenance_work_mem and a lower autovacuum_vacuum_cost_delay.",
    bad: "",
    good: "ALTER TABLE users ADD COLUMN nick text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let vacuum = blockers(change, ddl).into_iter().find(|(holder, _)| holder.session.against_wraparound);
    let Some((holder, lock)) = vacuum else { return Ok(None) };
    let message = format!("{} would wait for a vacuum of {} that steps back for nobody", ddl.tag, holder.quoted);
    let detail = format!(
        "{} has vacuumed it for {} to prevent transaction id wraparound. {} would wait with {}, which blocks {}.",
        capital(&holder.session.name()),
        holder.session.age(),
        ddl.tag,
        lock.name(),
        lock.blocks()
    );
    let recipe = Recipe::advice("Let it finish; SELECT * FROM pg_stat_progress_vacuum; shows how far it is.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::{ChangeKind, Holder, LockMode, Moment, Relation, Session};

    fn ddl(session: Session, lock: LockMode) -> Ddl {
        let on = Relation { oid: 1, quoted: "s.t".into(), ..Relation::default() };
        let kind = ChangeKind::OtherAlter;
        let change = Change { on: Some(on), kind, lock: Some(lock), sql: None, work: Vec::new() };
        let holder = Holder { relation: 1, quoted: "s.t".into(), lock: LockMode::ShareUpdateExclusive, session };
        let moment = Moment { holders: vec![holder], ..Moment::default() };
        Ddl { tag: "ALTER TABLE".into(), changes: vec![change], moment, ..Ddl::default() }
    }

    #[test]
    fn only_a_vacuum_that_stays_is_in_the_way() {
        let mut session = Session { pid: Some(7), autovacuum: true, seconds: 90.0, ..Session::default() };
        let asked = |ddl: Ddl| find(&ddl.changes[0], &ddl).unwrap();
        assert!(asked(ddl(session.clone(), LockMode::AccessExclusive)).is_none());
        session.against_wraparound = true;
        let found = asked(ddl(session.clone(), LockMode::AccessExclusive)).unwrap();
        assert!(found.detail.starts_with("Process 7 (role \"\") has vacuumed it for 0:01:30"), "{}", found.detail);
        // What it does not exclude does not wait for it.
        assert!(asked(ddl(session, LockMode::RowExclusive)).is_none());
    }
}
