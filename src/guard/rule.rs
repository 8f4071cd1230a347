//! What a rule is, and what it finds.

use crate::ddl::{Change, Ddl, Relation};
use crate::error::Result;

/// One rule. Error texts, `migrator.rules` and the pages of `docs/rules/` come from this record.
pub struct Rule {
    /// As it stands in brackets in messages.
    pub id: &'static str,
    pub class: Class,
    /// What it does unless a policy says otherwise.
    pub default: Default,
    /// One sentence: what it looks at.
    pub summary: &'static str,
    /// What happens otherwise, with the lock in plain words.
    pub hazard: &'static str,
    /// What to do instead, in words.
    pub safe_way: &'static str,
    /// SQL that it refuses or warns about, on the tables of `docs/rules/README.md`.
    pub bad: &'static str,
    /// SQL that comes to the same and passes; empty where there is no other way.
    pub good: &'static str,
    /// Looks at one command of a statement.
    pub find: fn(&Change, &Ddl) -> Result<Option<Finding>>,
}

/// What kind of harm a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Long work while reads or writes wait.
    Blocking,
    /// The application breaks when the statement commits.
    Breaking,
    /// Data, or what guards it, is gone.
    Lossy,
    /// Wrong at this moment: what other sessions, or this transaction, are doing now.
    Live,
    /// Not harmful now, regretted later.
    Hygiene,
}

impl Class {
    /// As `migrator.rules` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Breaking => "breaking",
            Self::Lossy => "lossy",
            Self::Live => "live",
            Self::Hygiene => "hygiene",
        }
    }
}

/// What a rule does when it finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Off,
    Warning,
    Error,
}

impl Action {
    /// The action of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Warning, Self::Error].into_iter().find(|action| action.name() == name)
    }

    /// As `migrator.set_rule` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule does where no policy says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    Always(Action),
    /// An error on relations that are large or referenced by others, a warning elsewhere.
    ByWeight,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Without the rule's id.
    pub message: String,
    pub detail: String,
    pub recipe: Recipe,
    /// The relation it is about.
    pub relation: Option<Relation>,
    pub column: Option<String>,
    /// For [`Default::ByWeight`]: large or referenced.
    pub heavy: bool,
}

/// How to do the same safely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// What the statements do, ending in a colon; without statements a whole sentence.
    pub sentence: String,
    /// Whole statements, each on one line and ending in a semicolon.
    pub statements: Vec<String>,
}

impl Recipe {
    /// A sentence and the statements it introduces.
    pub fn new(sentence: impl Into<String>, statements: Vec<String>) -> Self {
        Self { sentence: sentence.into(), statements }
    }

    /// Advice without statements to type.
    pub fn advice(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), statements: Vec::new() }
    }

    /// Statements in a transaction of their own that allows these rules.
    pub fn allowing(sentence: impl Into<String>, rules: &[&str], statements: Vec<String>) -> Self {
        let mut all = vec!["BEGIN;".to_owned(), allow(rules)];
        all.extend(statements);
        all.push("COMMIT;".into());
        Self::new(sentence, all)
    }

    /// The recipe, in which everything that allows one of these rules allows all of them.
    pub fn also_allowing(&self, rules: &[&str]) -> Self {
        let extended = |text: &str| {
            let Some((before, (list, after))) =
                text.split_once(ALLOW).and_then(|(before, rest)| Some((before, rest.split_once("';")?)))
            else {
                return text.to_owned();
            };
            let mut allowed: Vec<&str> = list.split(", ").collect();
            if !allowed.iter().any(|rule| rules.contains(rule)) {
                return text.to_owned();
            }
            for rule in rules {
                if !allowed.contains(rule) {
                    allowed.push(rule);
                }
            }
            format!("{before}{}{after}", allow(&allowed))
        };
        Self {
            sentence: extended(&self.sentence),
            statements: self.statements.iter().map(|line| extended(line)).collect(),
        }
    }

    /// Whether its statements block, see [`Recipe::window`].
    pub fn is_window(&self) -> bool {
        self.sentence.ends_with(IN_WINDOW)
    }

    /// For what cannot be done without blocking: the change itself, with the rule allowed for one transaction.
    pub fn window(rule: &str, why: &str, change: &Change) -> Self {
        let Some(sql) = &change.sql else {
            return Self::advice(format!(
                "{why} In a maintenance window, type SET LOCAL migrator.allow = '{rule}'; before it in its transaction."
            ));
        };
        Self::new(
            format!("{why} {IN_WINDOW}"),
            vec!["BEGIN;".into(), format!("SET LOCAL migrator.allow = '{rule}';"), format!("{sql};"), "COMMIT;".into()],
        )
    }
}

/// How the sentence of what blocks ends.
const IN_WINDOW: &str = "In a maintenance window:";
/// What a line that allows rules begins with.
const ALLOW: &str = "SET LOCAL migrator.allow = '";

fn allow(rules: &[&str]) -> String {
    format!("{ALLOW}{}';", rules.join(", "))
}

impl Finding {
    /// A finding about the relation of a change.
    pub fn new(change: &Change, message: impl Into<String>, detail: impl Into<String>, recipe: Recipe) -> Self {
        Self {
            message: message.into(),
            detail: detail.into(),
            recipe,
            relation: change.on.clone(),
            column: None,
            heavy: false,
        }
    }

    /// About this column (as in pg_attribute).
    pub fn column(mut self, name: &str) -> Self {
        self.column = Some(name.to_owned());
        self
    }

    /// Heavier or lighter, see [`Default::ByWeight`].
    pub fn heavy(mut self, heavy: bool) -> Self {
        self.heavy = heavy;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Recipe;

    #[test]
    fn a_transaction_allows_every_rule_that_refuses_it() {
        let recipe = Recipe::allowing("x:", &["a", "b"], vec!["DROP TABLE t;".into()]);
        assert_eq!(
            recipe.also_allowing(&["b", "c"]).statements,
            ["BEGIN;", "SET LOCAL migrator.allow = 'a, b, c';", "DROP TABLE t;", "COMMIT;"]
        );
        assert_eq!(recipe.also_allowing(&["c"]), recipe);
        let advice = Recipe::advice("Type SET LOCAL migrator.allow = 'a'; before it.");
        assert_eq!(advice.also_allowing(&["a", "b"]).sentence, "Type SET LOCAL migrator.allow = 'a, b'; before it.");
    }
}
