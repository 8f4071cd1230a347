//! What a backfill would do, and what to know before it begins. Nothing is changed, and what EXPLAIN locks is let go.

mod server;
mod table;
mod work;

use super::request::{self, Request, Work};
use crate::catalog::backfill::Unit;
use crate::catalog::backfill::outlook::Update;
use crate::catalog::session;
use crate::error::{Error, Result};
use crate::pg::{relation, subtransaction, writable};
use crate::settings;

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub subject: &'static str,
    pub finding: String,
    /// A sentence, and statements on the lines below it.
    pub advice: Option<String>,
}

/// So many of a list are shown.
const SHOWN: usize = 3;

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
