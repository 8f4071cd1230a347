//! What a backfill would do, and what to know before it begins. Nothing is changed, and what EXPLAIN locks is let go.

use super::choice;
use super::limits::{Limits, Verdict, Watch};
use super::process::RUN_CLASS;
use super::request::{self, Request, Work};
use super::{lock_patience, statement_limit};
use crate::catalog::backfill::outlook::{self, ForeignKey, Trigger, Update};
use crate::catalog::backfill::{Unit, Walk, run, target, unit};
use crate::catalog::{keys, locks, session, storage};
use crate::ddl::Session;
use crate::error::{Error, Result};
use crate::guard::Size;
use crate::pg::session_lock::Key;
use crate::pg::{relation, statement_timer, subtransaction, writable};
use crate::settings;

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub subject: &'static str,
    pub finding: String,
    /// A sentence, and statements on the lines below it.
    pub advice: Option<String>,
}

/// WAL of a row that moves, beside the row, for itself and for each index.
const WAL_PER_ENTRY: f64 = 100.0;
/// The share of it that stripes leave.
const WAL_IN_STRIPES: f64 = 0.55;
/// So many of a list are shown.
const SHOWN: usize = 3;
/// A transaction that is open for so many seconds is worth a word, where `migrator.long_transaction` says nothing.
const LONG_TRANSACTION: f64 = 30.0;

/// The plan of a backfill with these arguments.
pub fn plan(request: &Request) -> Result<Vec<Row>> {
    let lock_timeout = session::setting("lock_timeout")?.filter(|value| value != "0");
    let refused = writable::require("migrator.backfill").err();
    subtransaction::rolled_back(|| {
        session::set_lock_timeout(settings::lock_timeout())?;
        let work = request::check(request)?;
        let striped_by_wish = request.stripes.is_some_and(|n| n > 1);
        let mut plan = Plan { scope: Scope::of(&work)?, work, lock_timeout, striped_by_wish, rows: Vec::new() };
        plan.fill(refused)?;
        Ok(plan.rows)
    })
}

/// The tables of a run.
struct Scope {
    /// All whose rows change.
    members: Vec<u32>,
    /// What an UPDATE of these would do.
    update: Update,
}

impl Scope {
    fn of(work: &Work) -> Result<Self> {
        let named: Vec<u32> = work.choice.units.iter().map(|u| u.relation).collect();
        let mut members = Vec::new();
        for unit in &work.choice.units {
            members.extend(members_of(unit)?);
        }
        let update = Update::of(&named, &members, &work.columns);
        Ok(Self { members, update })
    }
}

/// The tables that hold the rows of a unit.
fn members_of(unit: &Unit) -> Result<Vec<u32>> {
    if unit.only {
        return Ok(vec![unit.relation]);
    }
    Ok(relation::inheritors(unit.relation.into())?.into_iter().map(|o| o.to_u32()).collect())
}

struct Plan {
    scope: Scope,
    work: Work,
    /// The session's own, if it has one.
    lock_timeout: Option<String>,
    striped_by_wish: bool,
    rows: Vec<Row>,
}

impl Plan {
    fn add(&mut self, subject: &'static str, finding: impl Into<String>) {
        self.rows.push(Row { subject, finding: finding.into(), advice: None });
    }

    fn advise(&mut self, subject: &'static str, finding: impl Into<String>, advice: impl Into<String>) {
        self.rows.push(Row { subject, finding: finding.into(), advice: Some(advice.into()) });
    }

    fn fill(&mut self, refused: Option<Error>) -> Result<()> {
        if let Some(error) = &refused {
            self.rows.push(Row { subject: "read-only", finding: error.message.clone(), advice: error.hint.clone() });
        }
        self.target()?;
        self.walk();
        self.stripes()?;
        self.batches();
        self.locks();
        self.workers()?;
        self.how_many()?;
        self.resume()?;
        self.triggers()?;
        self.foreign_keys()?;
        self.constraints()?;
        self.row_security()?;
        self.replication()?;
        self.settings()?;
        self.old_snapshots()?;
        self.limits(refused.is_none())
    }

    fn target(&mut self) -> Result<()> {
        let size = Size::of(&self.scope.members)?;
        let units = &self.work.choice.units;
        let tables = match (units.len(), self.scope.members.len()) {
            (1, 1) => String::new(),
            (1, _) => ", with the tables below it".to_owned(),
            (n, _) => format!(", in {n} tables"),
        };
        let finding = format!("{}: {}{tables}", self.work.target, size.describe()?);
        if size.guessed {
            let advice = format!("Better estimates below:\nANALYZE {};", self.work.target);
            self.advise("target", finding, advice);
        } else {
            self.add("target", finding);
        }
        Ok(())
    }

    fn walk(&mut self) {
        let choice = &self.work.choice;
        if choice.walk == Walk::Physical {
            return self.add("walk", format!("physical: {}", choice.why_walk));
        }
        let keys = choice.units.iter().map(|u| u.key.as_ref().map(keys::Key::described));
        let keys = grouped(keys.map(|key| (format!("along {}", key.unwrap_or_default()), String::new())));
        let mut lines = vec![format!("by key: {}", choice.why_walk)];
        lines.extend(of_tables(&keys));
        if self.work.clauses.condition.is_some() {
            return self.add("walk", lines.join("\n"));
        }
        lines.push("rows that are inserted meanwhile are not looked for".to_owned());
        let advice = "With a where_clause that is false for changed rows, a check would end it.";
        self.advise("walk", lines.join("\n"), advice);
    }

    fn stripes(&mut self) -> Result<()> {
        let choice = &self.work.choice;
        let each = choice.units.iter().zip(&choice.why_stripes).map(|(unit, why)| {
            let number = if unit.stripes > 1 { unit.stripes.to_string() } else { "none".to_owned() };
            (number, format!(": {why}"))
        });
        let mut lines = of_tables(&grouped(each));
        let covering = outlook::indexes(&self.scope.update)?;
        if covering.is_empty() {
            self.add("stripes", lines.join("\n"));
            return Ok(());
        }
        let names: Vec<String> = covering.iter().map(|i| i.quoted.clone()).collect();
        if self.striped_by_wish {
            lines.push(format!("they save little: each change is a new entry in {}", listed(&names)));
        }
        let droppable: Vec<_> = covering
            .iter()
            .filter(|i| !i.of_constraint && !i.of_partition && !i.concurrently.starts_with("CREATE UNIQUE"))
            .collect();
        let advice = if droppable.len() == covering.len() {
            let mut advice = vec!["If nothing needs it yet, drop it, and build it after the backfill:".to_owned()];
            advice.extend(droppable.iter().map(|i| format!("DROP INDEX CONCURRENTLY {};", i.quoted)));
            advice.extend(droppable.iter().map(|i| format!("{};", i.concurrently)));
            advice.join("\n")
        } else {
            format!("If nothing needs {} yet, build it after the backfill.", listed(&names))
        };
        self.advise("stripes", lines.join("\n"), advice);
        Ok(())
    }

    fn batches(&mut self) {
        let settings = &self.work.settings;
        let most = settings.batch_rows.map(|rows| format!(" and at most {rows} rows")).unwrap_or_default();
        let limit = statement_limit(settings.target_ms, true).map_or(0, |limit| limit.as_millis());
        self.add(
            "batches",
            format!(
                "about {} ms{most} each; so long are its rows locked\n\
                 one that takes {limit} ms is cancelled and tried again, smaller",
                settings.target_ms
            ),
        );
    }

    fn locks(&mut self) {
        let can_skip = self.work.clauses.condition.is_some();
        let patience = lock_patience(self.work.settings.target_ms, can_skip).as_millis();
        let mut lines = vec![format!(
            "waits {patience} ms for a lock, then tries again, {} times, with growing pauses",
            settings::lock_retries()
        )];
        if can_skip {
            lines.push("rows that stay locked are left for the end".to_owned());
        }
        if let Some(own) = &self.lock_timeout {
            lines.push(format!("lock_timeout ({own}) does not count here, migrator.lock_timeout does"));
        }
        self.add("locks", lines.join("\n"));
    }

    fn workers(&mut self) -> Result<()> {
        let wanted = self.work.settings.workers;
        if wanted == 1 {
            self.add("workers", "1: the session that calls");
            return Ok(());
        }
        if target::is_temporary(self.work.relation)? {
            self.add("workers", "1: the session that calls; no other sees its temporary table");
            return Ok(());
        }
        let slots = outlook::slots()?;
        let finding = format!(
            "{wanted}: the session that calls and {} in the background\nabout {} of {} worker slots are free",
            wanted - 1,
            slots.free,
            slots.most
        );
        if slots.free + 1 >= wanted {
            self.add("workers", finding);
            return Ok(());
        }
        let needed = slots.most + wanted - 1 - slots.free;
        let advice = format!(
            "It would begin with {}. More need a restart of the server after:\n\
             ALTER SYSTEM SET max_worker_processes = {needed};",
            slots.free + 1
        );
        self.advise("workers", finding, advice);
        Ok(())
    }

    /// The rows that change, and what that writes.
    fn how_many(&mut self) -> Result<()> {
        let all = self.work.choice.rows;
        let matching = outlook::matching(&self.work.target, &self.work.clauses)?;
        let Some(matching) = matching else {
            self.add("rows", format!("all, about {all}"));
            return self.wal(1.0);
        };
        let finding = format!("about {matching} of {all} match, as the planner sees it");
        if let Some(column) = outlook::unknown_column(&self.scope.update, &self.work.clauses)? {
            let finding = format!("{finding}\nit guesses: of column {column} it has no statistics");
            let advice = format!("For a better estimate:\nANALYZE {} ({column});", self.work.target);
            self.advise("rows", finding, advice);
            return Ok(());
        }
        self.add("rows", finding);
        #[allow(clippy::cast_precision_loss)]
        self.wal((matching as f64 / all.max(1) as f64).min(1.0))
    }

    /// From what was measured: a changed row is written once, with an entry for itself and for each index; stripes spare
    /// most of the entries; and each page that is touched is written whole once after a checkpoint.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    fn wal(&mut self, share: f64) -> Result<()> {
        let whole_pages = session::setting("full_page_writes")?.as_deref() == Some("on");
        let mut bytes = 0.0;
        for unit in &self.work.choice.units {
            let Some(indexes) = outlook::logged_indexes(unit.relation)? else { continue };
            let size = Size::of(&members_of(unit)?)?;
            let entries = size.rows as f64 * (1.0 + f64::from(indexes)) * WAL_PER_ENTRY;
            bytes += share * (size.bytes as f64 + entries) * if unit.stripes > 1 { WAL_IN_STRIPES } else { 1.0 };
            if whole_pages {
                bytes += size.bytes as f64 * (share * unit.density).min(1.0);
            }
        }
        if bytes > 0.0 {
            let about = storage::pretty(bytes as u64)?;
            self.add("WAL", format!("about {about}; more when checkpoints are frequent"));
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<()> {
        let Some(found) = run::unfinished(self.work.relation, &self.work.clauses)? else { return Ok(()) };
        let Some(seen) = outlook::seen(found.id)? else { return Ok(()) };
        let percent = seen.percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
        let what = format!("backfill {} does the same and is not done ({}{percent})", found.id, seen.state);
        if let Some(holder) = locks::holder(Key { class: RUN_CLASS, object: found.id })? {
            let finding =
                format!("{what}\nprocess {} of role \"{}\"{} runs it", holder.pid, holder.role, holder.application);
            let advice = format!("Watch it:\nSELECT * FROM migrator.backfills WHERE id = {};", found.id);
            self.advise("resume", finding, advice);
            return Ok(());
        }
        let error = seen.error.map(|error| format!("\nlast error: {error}")).unwrap_or_default();
        let (units, stored) = (&self.work.choice.units, unit::all(found.id)?);
        if choice::is_as_stored(units, &stored) {
            let same = units.iter().zip(&stored).all(|(unit, stored)| unit.stripes == stored.stripes);
            let stripes = if same { "" } else { ", in the stripes that it began with" };
            self.add("resume", format!("{what}\nit goes on there{stripes}{error}"));
        } else if self.work.clauses.condition.is_some() {
            self.add(
                "resume",
                format!("{what}\nit walks anew: its tables, their keys or the walk are others now{error}"),
            );
        } else {
            let advice = "Give a where_clause that is false for the rows that are done.";
            self.advise(
                "resume",
                format!("{what}\nit cannot go on: its tables, their keys or the walk are others now"),
                advice,
            );
        }
        Ok(())
    }

    fn triggers(&mut self) -> Result<()> {
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

    fn foreign_keys(&mut self) -> Result<()> {
        for key in outlook::foreign_keys(&self.scope.update)? {
            self.add("foreign key", checks(&key));
        }
        Ok(())
    }

    fn constraints(&mut self) -> Result<()> {
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

    fn row_security(&mut self) -> Result<()> {
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

    fn replication(&mut self) -> Result<()> {
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

    fn settings(&mut self) -> Result<()> {
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

    fn old_snapshots(&mut self) -> Result<()> {
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

    fn limits(&mut self, can_ask: bool) -> Result<()> {
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

/// A thing and what is said of it.
type Said = (String, String);

/// Equal ones together, most frequent first, and how often each occurs.
fn grouped(all: impl Iterator<Item = Said>) -> Vec<(Said, usize)> {
    let mut groups: Vec<(Said, usize)> = Vec::new();
    for said in all {
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, count)) => *count += 1,
            None => groups.push((said, 1)),
        }
    }
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    groups
}

/// One line for each group; where there are several, with how many tables are in it.
fn of_tables(groups: &[(Said, usize)]) -> Vec<String> {
    let all: usize = groups.iter().map(|(_, count)| count).sum();
    if let [((what, why), _)] = groups {
        return vec![format!("{what}{why}")];
    }
    let lines: Vec<String> =
        groups.iter().map(|((what, why), count)| format!("{what} in {count} of {all} tables{why}")).collect();
    shown(&lines)
}

/// The first of a list.
fn shown(lines: &[String]) -> Vec<String> {
    let mut shown = lines[..lines.len().min(SHOWN)].to_vec();
    if lines.len() > SHOWN {
        shown.push(format!("and {} more", lines.len() - SHOWN));
    }
    shown
}

fn listed(names: &[String]) -> String {
    shown(names).join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_tables_is_counted() {
        let groups = |all: &[&str]| grouped(all.iter().map(|text| ((*text).to_owned(), ": why".to_owned())));
        assert_eq!(of_tables(&groups(&["8", "8"])), ["8: why"]);
        assert_eq!(of_tables(&groups(&["none", "8", "8"])), ["8 in 2 of 3 tables: why", "none in 1 of 3 tables: why"]);
        assert_eq!(of_tables(&groups(&["a", "b", "c", "d", "e"])).last().map(String::as_str), Some("and 2 more"));
    }
}
