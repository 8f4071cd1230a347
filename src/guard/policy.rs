//! What a rule does here: its default, unless a policy says otherwise.

use super::rule::{Action, Default, Finding, Rule};
use crate::error::Result;

/// The action for a finding.
pub fn action(rule: &Rule, finding: &Finding) -> Result<Action> {
    Ok(match rule.default {
        Default::Always(action) => action,
        Default::ByWeight if finding.heavy => Action::Error,
        Default::ByWeight => Action::Warning,
    })
}
