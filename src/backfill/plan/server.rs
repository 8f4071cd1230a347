//! What of the session and of the server matters to it.

use super::{Plan, shown};
use crate::backfill::limits::{Limits, Verdict, Watch};
use crate::catalog::backfill::outlook;
use crate::catalog::session;
use crate::ddl::Session;
use crate::error::Result;
use crate::pg::statement_timer;
use crate::settings;

/// A transaction that is open for so many seconds is worth a word, where `migrator.long_transaction` says nothing.
const LONG_TRANSACTION: f64 = 30.0;
impl Plan {
    pub(super) fn settings(&mut self) -> Result<()> {
        if let (Some(shown), Some(limit)) = (self.set("statement_timeout", "0")?, statement_timer::of_session()) {
            let enough = u128::from(self.work.settings.target_ms) * 3;
            let finding = format!("{shown}: it counts for each batch, not for the whole CALL");
            if limit.as_millis() < enough {
                let advice =
                    format!("So that batches are not cancelled too soon:\nSET statement_timeout = '{enough}ms';");
                self.advise("statement_timeout", finding, advice);
            } else {
                self.add("statement_timeout", finding);
            }
        }
        if let Some(limit) = self.set("transaction_timeout", "0")? {
            let finding =
                format!("{limit}: it ends this session when one batch, or the look at the whole table, takes longer");
            self.advise("transaction_timeout", finding, "For this session:\nSET transaction_timeout = 0;");
        }
        if let Some(level) = self.set("default_transaction_isolation", "read committed")? {
            self.add("default_transaction_isolation", format!("{level}: batches run in READ COMMITTED all the same"));
        }
        self.synchronous()?;
        if let Some(role) = self.set("session_replication_role", "origin")?.filter(|role| role == "replica") {
            let finding = format!("{role}: triggers do not fire and foreign keys are not checked");
            self.advise("session_replication_role", finding, "As usual:\nSET session_replication_role = origin;");
        }
        Ok(())
    }

    /// The value of a setting that is not as usual.
    fn set(&self, name: &str, usual: &str) -> Result<Option<String>> {
        Ok(session::setting(name)?.filter(|value| value != usual))
    }

    fn synchronous(&mut self) -> Result<()> {
        let Some(standbys) = self.set("synchronous_standby_names", "")? else { return Ok(()) };
        let commit = session::setting("synchronous_commit")?.unwrap_or_default();
        if !["off", "local"].contains(&commit.as_str()) {
            let finding = format!("{commit}: each batch waits for the standbys {standbys}");
            let advice = "A batch that is lost with the primary is done again by the same CALL, so this is enough:\n\
                          SET synchronous_commit = local;";
            self.advise("synchronous_commit", finding, advice);
        }
        Ok(())
    }

    pub(super) fn old_snapshots(&mut self) -> Result<()> {
        let bound = settings::long_transaction_seconds().unwrap_or(LONG_TRANSACTION);
        let (transactions, slots) = (outlook::old_transactions(bound)?, outlook::old_slots()?);
        if transactions.is_empty() && slots.is_empty() {
            return Ok(());
        }
        let mut keepers: Vec<String> =
            transactions.iter().map(|s| format!("{} for {}{}", s.name(), s.age(), s.doing())).collect();
        keepers.extend(slots.iter().map(|slot| {
            let state = if slot.active { "" } else { " (inactive)" };
            format!("replication slot \"{}\"{state} for {} transactions", slot.name, slot.age)
        }));
        let striped = self.work.choice.units.iter().any(|u| u.stripes > 1);
        let stripes = if striped { ", and stripes save nothing" } else { "" };
        let mut lines = vec![format!("until these end, dead rows stay: the table grows{stripes}")];
        lines.extend(shown(&keepers));
        let advice = format!("Look, and wait or end them first:\n{}", look(&transactions, !slots.is_empty()));
        self.advise("old snapshots", lines.join("\n"), advice);
        Ok(())
    }

    pub(super) fn limits(&mut self, can_ask: bool) -> Result<()> {
        let limits = Limits::parse(self.work.settings.limits.as_deref())?;
        let lines = limits.described();
        self.add("limits", if lines.is_empty() { "none".to_owned() } else { lines.join("\n") });
        if !can_ask || lines.is_empty() {
            return Ok(());
        }
        let mut tables: Vec<u32> = self.work.choice.units.iter().map(|u| u.relation).collect();
        tables.push(self.work.relation);
        let now = match Watch::new(limits, tables).look()? {
            Verdict::Go => "nothing holds it back".to_owned(),
            Verdict::Pause(reason) => format!("it would pause: {reason}"),
            Verdict::Stop(reason) => format!("it would stop: {reason}"),
        };
        self.add("limits now", now);
        Ok(())
    }
}

/// Statements that show those who keep dead rows.
fn look(transactions: &[Session], slots: bool) -> String {
    let pids: Vec<String> = transactions.iter().filter_map(|s| s.pid).map(|pid| pid.to_string()).collect();
    let mut statements = Vec::new();
    if !pids.is_empty() {
        statements.push(format!(
            "SELECT pid, usename, state, xact_start, query FROM pg_stat_activity WHERE pid IN ({});",
            pids.join(", ")
        ));
    }
    if transactions.iter().any(|s| s.prepared.is_some()) {
        statements.push("SELECT gid, owner, prepared FROM pg_prepared_xacts;".to_owned());
    }
    if slots {
        statements.push("SELECT slot_name, active, xmin FROM pg_replication_slots;".to_owned());
    }
    statements.join("\n")
}
