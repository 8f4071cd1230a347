//! How it goes about it: the walk, its stripes, batches and workers, and how much there is to do.

use super::{Plan, grouped, listed, members_of, of_tables};
use crate::backfill::process::RUN_CLASS;
use crate::backfill::{choice, lock_patience, statement_limit};
use crate::catalog::backfill::{Walk, outlook, run, target, unit};
use crate::catalog::{keys, locks, session, storage};
use crate::error::Result;
use crate::guard::Size;
use crate::pg::session_lock::Key;
use crate::settings;

/// The share of it that stripes leave.
const WAL_IN_STRIPES: f64 = 0.55;
/// WAL of a row that moves, beside the row, for itself and for each index.
const WAL_PER_ENTRY: f64 = 100.0;
impl Plan {
    pub(super) fn target(&mut self) -> Result<()> {
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

    pub(super) fn walk(&mut self) {
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

    pub(super) fn stripes(&mut self) -> Result<()> {
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

    pub(super) fn batches(&mut self) {
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

    pub(super) fn locks(&mut self) {
        let can_skip = self.work.clauses.condition.is_some();
        let patience = lock_patience(self.work.settings.target_ms, can_skip, false).as_millis();
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

    pub(super) fn workers(&mut self) -> Result<()> {
        let wanted = self.work.settings.workers;
        if wanted == 1 {
            self.add("workers", "1: the session that calls");
            return Ok(());
        }
        if target::any_temporary(&self.scope.members)? {
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
    pub(super) fn how_many(&mut self) -> Result<()> {
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
            bytes += share * (size.heap as f64 + entries) * if unit.stripes > 1 { WAL_IN_STRIPES } else { 1.0 };
            if whole_pages {
                bytes += size.heap as f64 * (share * unit.density).min(1.0);
            }
        }
        if bytes > 0.0 {
            let about = storage::pretty(bytes as u64)?;
            self.add("WAL", format!("about {about}; more when checkpoints are frequent"));
        }
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<()> {
        let Some(found) = run::unfinished(self.work.relation, &self.work.clauses)? else { return Ok(()) };
        let Some(seen) = outlook::seen(found.id)? else { return Ok(()) };
        let percent = seen.percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
        let what = format!("backfill {} does the same and is not done ({}{percent})", found.id, seen.state);
        if let Some(holder) = locks::holder(Key { class: RUN_CLASS, object: found.id })? {
            let finding = format!("{what}\n{} runs it", holder.name());
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
}
