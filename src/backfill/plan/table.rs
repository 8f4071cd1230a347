//! What else a change of these rows sets off.

use super::{Plan, listed};
use crate::catalog::backfill::outlook::{self, ForeignKey, Trigger};
use crate::catalog::backfill::target;
use crate::catalog::session;
use crate::error::Result;

impl Plan {
    pub(super) fn triggers(&mut self) -> Result<()> {
        for trigger in outlook::triggers(&self.scope.update)? {
            self.add("trigger", fires(&trigger, self.scope.members.len()));
        }
        if self.work.choice.units.iter().all(|u| u.relation != self.work.relation) {
            for trigger in outlook::statement_triggers(self.work.relation, &self.scope.update)? {
                let target = &self.work.target;
                self.add(
                    "trigger",
                    format!("{} does not fire: {target} is not updated itself, only its tables", trigger.name),
                );
            }
        }
        Ok(())
    }

    pub(super) fn foreign_keys(&mut self) -> Result<()> {
        for key in outlook::foreign_keys(&self.scope.update)? {
            self.add("foreign key", checks(&key));
        }
        Ok(())
    }

    pub(super) fn constraints(&mut self) -> Result<()> {
        let deferred = outlook::deferred_constraints(&self.scope.update)?;
        if !deferred.is_empty() {
            self.add("deferred constraints", format!("{}: checked at once, in each batch", listed(&deferred)));
        }
        let generated = outlook::generated_columns(&self.scope.update)?;
        if !generated.is_empty() {
            self.add("generated columns", format!("{}: computed anew for each row", listed(&generated)));
        }
        Ok(())
    }

    pub(super) fn row_security(&mut self) -> Result<()> {
        let mut covered = Vec::new();
        for unit in &self.work.choice.units {
            if target::has_policies_for_caller(unit.relation)? {
                covered.push(unit.name.clone());
            }
        }
        if !covered.is_empty() {
            let finding = format!("{}: rows that policies hide from you stay as they are", listed(&covered));
            self.advise("row security", finding, "Run it as a role to which they do not apply (the owner, BYPASSRLS).");
        }
        Ok(())
    }

    pub(super) fn replication(&mut self) -> Result<()> {
        let logical = session::setting("wal_level")?.as_deref() == Some("logical");
        let publications = outlook::publications(&self.scope.update)?;
        if !publications.is_empty() {
            let who = if logical { "" } else { ",\nonce wal_level is logical" };
            let finding = format!("{}: each changed row is sent to subscribers{who}", listed(&publications));
            self.add("publications", finding);
        }
        let full = outlook::with_full_identity(&self.scope.update)?;
        if full > 0 && logical {
            let of = if self.scope.members.len() > 1 { format!(" of {full} tables") } else { String::new() };
            self.add("replica identity", format!("FULL{of}: WAL has the old version of each row as well"));
        }
        Ok(())
    }
}

/// `audit: app.audit() after each row, when its WHEN holds, of 12 tables`.
fn fires(trigger: &Trigger, members: usize) -> String {
    let Trigger { name, function, .. } = trigger;
    let when = match (trigger.before, trigger.row) {
        (true, true) => "before each row",
        (false, true) => "after each row",
        (true, false) => "before each batch",
        (false, false) => "after each batch",
    };
    let condition = if trigger.conditional { " when its WHEN holds" } else { "" };
    let some = trigger.row && usize::try_from(trigger.tables).is_ok_and(|n| n < members);
    let tables = if some { format!(", on {} of {members} tables", trigger.tables) } else { String::new() };
    format!("{name}: {function} {when}{condition}{tables}")
}

/// What an update makes of a foreign key.
fn checks(key: &ForeignKey) -> String {
    let ForeignKey { name, other, .. } = key;
    match (key.incoming, key.action) {
        (false, _) => format!("{name}: each changed row is looked up in {other}"),
        (true, 'c') => format!("{name}: ON UPDATE CASCADE changes {other} as well"),
        (true, 'n') => format!("{name}: ON UPDATE SET NULL changes {other} as well"),
        (true, 'd') => format!("{name}: ON UPDATE SET DEFAULT changes {other} as well"),
        (true, _) => format!("{name}: rows of {other} must not refer to what changes"),
    }
}
