//! The rules over a script: statement by statement, each with what earlier ones will have done.

use super::{Verdict, judge, moment, report};
use crate::ddl::Ddl;
use crate::error::{Result, SqlState};
use crate::pg::analysis::script::Script;

/// What a rule says of a statement, as text to keep or to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub rule: &'static str,
    pub class: &'static str,
    /// `error` or `warning`: what would happen if it were run now; `allowed` where the migration may break the rule.
    pub action: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Qualified and quoted.
    pub object: Option<String>,
    pub column: Option<String>,
}

/// The guard's look at one script. Nothing of it is run, and no lock is waited for.
pub struct Look<'a> {
    script: Script,
    allow: &'a [String],
    /// For a plan: what others do now counts.
    now: bool,
}

impl<'a> Look<'a> {
    /// Before the first statement; a transactional script keeps its locks to the end. `allow` are rules that it may break.
    pub fn begin(transactional: bool, allow: &'a [String]) -> Self {
        Self { script: Script::open(transactional), allow, now: false }
    }

    /// Before the first of the migrations of a plan, which is told by [`Self::turn_to`]. Each statement is judged as if it
    /// ran now, behind what others do, and comes with its locks.
    pub fn ahead() -> Self {
        Self { script: Script::open_plan(), allow: &[], now: true }
    }

    /// The next migration of a plan.
    pub fn turn_to(&mut self, transactional: bool, allow: &'a [String]) {
        self.script.turn_to(transactional);
        self.allow = allow;
    }

    /// A statement of it that has run already.
    pub fn skip(&self, text: &str) -> Result<()> {
        self.script.skip(text)
    }

    /// The next statement, which is the whole text.
    pub fn at(&self, text: &str) -> Result<Vec<Noted>> {
        self.facts(text, false).map(|(_, found)| found)
    }

    /// The same with what the findings are about. `snapshots` says that the statement waits for older ones, which of a
    /// CONCURRENTLY on what the script makes is not seen otherwise.
    pub fn facts(&self, text: &str, snapshots: bool) -> Result<(Ddl, Vec<Noted>)> {
        let mut ddl = self.script.next(text)?;
        if self.now {
            moment::look_ahead(&mut ddl, snapshots)?;
        }
        let verdicts = judge(&ddl)?;
        let mut found: Vec<Noted> = verdicts.iter().map(|verdict| noted(verdict, &ddl, &verdicts)).collect();
        for noted in found.iter_mut().filter(|n| self.allow.iter().any(|rule| rule == n.rule)) {
            noted.action = "allowed";
        }
        Ok((ddl, found))
    }
}

fn noted(verdict: &Verdict, ddl: &Ddl, all: &[Verdict]) -> Noted {
    let shown = report(verdict, ddl, all, SqlState::WARNING);
    let finding = &verdict.finding;
    Noted {
        rule: verdict.rule.id,
        class: verdict.rule.class.name(),
        action: verdict.action.name(),
        message: finding.message.clone(),
        detail: shown.detail,
        hint: shown.hint,
        object: finding.relation.as_ref().map(|r| r.quoted.clone()),
        column: finding.column.clone(),
    }
}
