//! What a rule does here: its default, unless a policy says otherwise, unless this one statement is allowed to.

use std::cell::RefCell;

use super::rule::{Action, Default, Finding, Rule};
use super::rules;
pub use crate::catalog::policy::Policy;
use crate::catalog::policy::{self as stored, InForce};
use crate::ddl::Relation;
use crate::error::{Report, Result, code, fail};
use crate::migration::lock::Current;
use crate::settings;

/// Why something was let through that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The setting `migrator.allow`.
    Setting,
    /// `register(..., allow => ...)` of the migration that runs.
    Migration,
    /// The policy of this number.
    Policy(i32),
    /// `migrator.guard = 'warn'`.
    Warn,
    /// `migrator.guard = 'off'`.
    Off,
}

impl Excuse {
    /// As `migrator.ddl_log` shows it.
    pub fn describe(&self) -> String {
        match self {
            Self::Setting => "migrator.allow".to_owned(),
            Self::Migration => "migration".to_owned(),
            Self::Policy(id) => format!("policy {id}"),
            Self::Warn => "migrator.guard = warn".to_owned(),
            Self::Off => "migrator.guard = off".to_owned(),
        }
    }
}

/// From what size a table is large, where a policy says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
}

thread_local! {
    static JUDGING: RefCell<Option<State>> = const { RefCell::new(None) };
    /// Rules that the migrations of this session were allowed to break, and would have.
    static USED: RefCell<Vec<(String, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Whether a migration has needed to break a rule that it was allowed to, in this session.
pub fn was_used(version: &str, rule: &str) -> bool {
    USED.with_borrow(|used| used.iter().any(|(by, used)| by == version && *used == rule))
}

/// What is being judged, and the policies read for it so far.
struct State {
    rule: &'static str,
    relation: Option<(u32, String)>,
    /// Whether there may be any.
    any: bool,
    read: Vec<(Option<u32>, Vec<InForce>)>,
}

/// While it lives, a statement is judged: its policies are read when the first of them is asked for, and once.
pub struct Judging;

impl Judging {
    /// Begins.
    pub fn begin() -> Self {
        let any = stored::may_exist();
        JUDGING.replace(Some(State { rule: "", relation: None, any, read: Vec::new() }));
        Self
    }

    /// The relation that is looked at now.
    pub fn look_at(&self, relation: Option<&Relation>) {
        JUDGING.with_borrow_mut(|state| {
            if let Some(state) = state.as_mut().filter(|state| state.any) {
                state.relation = relation.map(|r| (r.oid, r.schema.clone()));
            }
        });
    }

    /// The rule that is asked now; whether it has anything to say: one that is off is not worth asking where no policy can
    /// have turned it on.
    pub fn ask(&self, rule: &Rule) -> bool {
        JUDGING.with_borrow_mut(|state| {
            let Some(state) = state else { return true };
            state.rule = rule.id;
            state.any || rule.default != Default::Always(Action::Off)
        })
    }
}

impl Drop for Judging {
    fn drop(&mut self) {
        JUDGING.take();
    }
}

/// The policy for the rule and the relation that are looked at now.
fn applying() -> Result<Option<InForce>> {
    let Some((rule, relation, read)) = JUDGING.with_borrow(|state| {
        state.as_ref().filter(|s| s.any).map(|s| {
            let oid = s.relation.as_ref().map(|r| r.0);
            (s.rule, s.relation.clone(), s.read.iter().any(|(of, _)| *of == oid))
        })
    }) else {
        return Ok(None);
    };
    let oid = relation.as_ref().map(|r| r.0);
    if !read {
        let policies = stored::in_force(oid, relation.as_ref().map(|r| r.1.as_str()))?;
        JUDGING.with_borrow_mut(|state| state.iter_mut().for_each(|s| s.read.push((oid, policies.clone()))));
    }
    Ok(JUDGING.with_borrow(|state| {
        let read = &state.as_ref()?.read;
        read.iter().find(|(of, _)| *of == oid)?.1.iter().find(|p| p.rule == rule).cloned()
    }))
}

/// The thresholds for the rule and the relation that are looked at now; none outside of judging.
pub fn thresholds() -> Result<Thresholds> {
    let policy = applying()?.unwrap_or_default();
    Ok(Thresholds { rows: policy.threshold_rows, bytes: policy.threshold_bytes })
}

/// What a rule does about its finding, and what excused it from doing more.
pub fn weigh(rule: &Rule, finding: &Finding) -> Result<(Action, Option<Excuse>)> {
    let own = by_default(rule, finding);
    let policy = applying()?;
    let action = policy.as_ref().map_or(own, |p| under(p, own, rule, finding));
    if action == Action::Off {
        let excuse = policy.filter(|_| own > Action::Off).map(|p| Excuse::Policy(p.id));
        return Ok((action, excuse));
    }
    if settings::allow().iter().any(|allowed| allowed == rule.id) {
        return Ok((Action::Off, Some(Excuse::Setting)));
    }
    if let Some(place) = Current::place().filter(|place| place.allow.iter().any(|allowed| allowed == rule.id)) {
        let use_of_it = (place.version, rule.id);
        USED.with_borrow_mut(|used| {
            if !used.contains(&use_of_it) {
                used.push(use_of_it)
            }
        });
        return Ok((Action::Off, Some(Excuse::Migration)));
    }
    Ok((action, policy.filter(|_| action < own).map(|p| Excuse::Policy(p.id))))
}

fn by_default(rule: &Rule, finding: &Finding) -> Action {
    match rule.default {
        Default::Always(action) => action,
        Default::ByWeight if finding.heavy => Action::Error,
        Default::ByWeight => Action::Warning,
    }
}

/// Thresholds of a policy say from where on an error is one: below them a rule that goes by weight warns.
fn under(policy: &InForce, own: Action, rule: &Rule, finding: &Finding) -> Action {
    let has_thresholds = policy.threshold_rows.is_some() || policy.threshold_bytes.is_some();
    match Action::named(&policy.action) {
        None => own,
        Some(Action::Error) if has_thresholds && rule.default == Default::ByWeight && !finding.heavy => Action::Warning,
        Some(action) => action,
    }
}

/// What a caller of `migrator.set_rule` gave; see [`Policy`].
pub fn set_rule(rule: Option<&str>, action: Option<&str>, place: Policy) -> Result<&'static str> {
    let invalid = |message: String| Report::new(code::INVALID_ARGUMENT, message);
    let Some(rule) = rule else {
        return fail(invalid("a rule must be named".into()).hint("All of them: SELECT rule FROM migrator.rules;"));
    };
    check_names(&[rule])?;
    let action = action.unwrap_or("default");
    if action != "default" && Action::named(action).is_none() {
        return fail(
            invalid(format!("\"{action}\" is not something a rule can do"))
                .hint("Use 'error', 'warning' or 'off'; NULL or 'default' goes back to the rule's default."),
        );
    }
    if place.relation.is_some() && place.schema.is_some() {
        return fail(
            invalid("both a table and a schema were given".into())
                .hint("Give the table alone; a policy of a table counts before that of its schema."),
        );
    }
    if place.threshold_rows.is_some_and(|rows| rows < 0) {
        return fail(invalid("threshold_rows is negative".into()).hint("Give a number of rows, or leave it out."));
    }
    // Infinity is no end.
    let until = place.until.filter(|until| *until != i64::MAX);
    if until.is_some_and(|until| until == i64::MIN) || until.map(stored::is_past).transpose()? == Some(true) {
        return fail(
            invalid("the policy would have ended already".into())
                .hint("Give a moment to come, such as until => now() + interval '1 day'."),
        );
    }
    // The statement it fails in is ours, and no business of the caller's.
    let size = place.threshold_size.as_deref().map(stored::bytes).transpose();
    let threshold_bytes = size.map_err(|error| Box::new(Report { context: None, ..*error }))?;
    let policy = Policy { rule: rule.to_owned(), action: action.to_owned(), until, threshold_bytes, ..place };
    if action == "default" && policy.threshold_rows.is_none() && policy.threshold_bytes.is_none() {
        return Ok(if stored::remove(&policy)? { "removed" } else { "unchanged" });
    }
    Ok(if stored::store(&policy)? { "replaced" } else { "set" })
}

/// Refuses a list of rules, as `migrator.allow` holds it, with a name that no rule has.
pub fn check_list(list: &str) -> Result<()> {
    check_names(&settings::names(list).collect::<Vec<_>>())
}

/// Refuses a name that no rule has, and says which one may have been meant.
pub fn check_names<T: AsRef<str>>(names: &[T]) -> Result<()> {
    for name in names.iter().map(AsRef::as_ref) {
        if rules::named(name).is_none() {
            let meant = rules::nearest(name).map_or_else(String::new, |id| format!("Did you mean \"{id}\"? "));
            return fail(
                Report::new(code::UNKNOWN_RULE, format!("there is no rule \"{name}\""))
                    .hint(format!("{meant}All of them: SELECT rule FROM migrator.rules;")),
            );
        }
    }
    Ok(())
}

/// Every rule as a row of `migrator.guard_rules()`.
pub fn records() -> Vec<Vec<Option<String>>> {
    rules::all()
        .enumerate()
        .map(|(position, rule)| {
            let fields = [
                rule.id,
                rule.class.name(),
                match rule.default {
                    Default::Always(action) => action.name(),
                    Default::ByWeight => "by weight",
                },
                rule.summary,
                rule.hazard,
                rule.safe_way,
                rule.bad,
                rule.good,
            ];
            let filled = fields.into_iter().map(|f| (!f.is_empty()).then(|| f.to_owned()));
            std::iter::once(Some((position + 1).to_string())).chain(filled).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names() {
        assert!(check_list("").is_ok());
        assert!(check_list(" create-index-blocking ,").is_ok());
        let error = check_list("create-index-blocking, create-index-bloking").unwrap_err();
        assert_eq!(error.sqlstate, Some(code::UNKNOWN_RULE));
        assert!(error.hint.unwrap().starts_with("Did you mean \"create-index-blocking\"?"));
        let error = check_list("x").unwrap_err();
        assert!(error.hint.unwrap().starts_with("All of them"));
    }
}
