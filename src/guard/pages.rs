//! The pages of `docs/rules/`, made from the rules. `make docs` writes them; the test fails when they are stale.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::rule::{Action, Class, Default, Rule};
use super::rules;

/// The tables that the examples are about.
const FIXTURE: &str = include_str!("../../tests/driver/rules.sql");

const CLASSES: [(Class, &str); 5] = [
    (Class::Blocking, "Long work while reads or writes wait."),
    (Class::Live, "Wrong at this moment: what other sessions, or this transaction, are doing now."),
    (Class::Breaking, "The application breaks when the statement commits."),
    (Class::Lossy, "Data, or what guards it, is gone."),
    (Class::Hygiene, "Not harmful now, regretted later."),
];

fn action(rule: &Rule) -> &'static str {
    match rule.default {
        Default::Always(Action::Error) => "error",
        Default::Always(Action::Warning) => "warning",
        Default::Always(Action::Off) => "off",
        Default::ByWeight => "error on relations that are large or used by others, warning elsewhere",
    }
}

fn page(rule: &Rule) -> String {
    let mut text = format!(
        "# {}\n\n{}\n\n| class | default |\n|---|---|\n| {} | {} |\n\n**Hazard.** {}\n\n**Instead.** {}\n",
        rule.id,
        rule.summary,
        rule.class.name(),
        action(rule),
        rule.hazard,
        rule.safe_way
    );
    let example = |title: &str, sql: &str| {
        let lines: Vec<String> = sql.split("; ").map(|s| format!("{};", s.trim_end_matches(';'))).collect();
        format!("\n{title}\n\n```sql\n{}\n```\n", lines.join("\n"))
    };
    if !rule.bad.is_empty() {
        text.push_str(&example("It speaks about (the last statement):", rule.bad));
    }
    if !rule.good.is_empty() {
        text.push_str(&example("It lets pass:", rule.good));
    }
    text.push_str(&format!(
        "\nFor one transaction: `SET LOCAL migrator.allow = '{0}';`  \nFor longer: `SELECT migrator.set_rule('{0}', 'warning', \
         reason => '...');`\n\n[All rules](README.md)\n",
        rule.id
    ));
    text
}

fn index() -> String {
    let mut text = String::from(
        "# The rules of the guard\n\nMade from the rules themselves by `make docs`. What each does in your database: \
         `SELECT rule, action FROM migrator.rules;`\n",
    );
    for (class, meaning) in CLASSES {
        text.push_str(&format!("\n## {}\n\n{meaning}\n\n| rule | default | looks at |\n|---|---|---|\n", class.name()));
        for rule in rules::all().filter(|r| r.class == class) {
            text.push_str(&format!("| [{0}]({0}.md) | {1} | {2} |\n", rule.id, action(rule), rule.summary));
        }
    }
    text.push_str("\n## The tables of the examples\n\n```sql\n");
    text.push_str(FIXTURE.trim());
    text.push_str("\n```\n");
    text
}

fn pages() -> BTreeMap<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    let mut pages: BTreeMap<PathBuf, String> =
        rules::all().map(|rule| (folder.join(format!("{}.md", rule.id)), page(rule))).collect();
    pages.insert(folder.join("README.md"), index());
    pages
}

#[test]
fn docs_of_the_rules_are_current() {
    let pages = pages();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    if std::env::var_os("MIGRATOR_WRITE_DOCS").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (path, text) in &pages {
            std::fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &pages {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(&found == text, "{} is stale; run `make docs`", path.display());
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, pages.len(), "a page of docs/rules belongs to no rule; run `make docs`");
}

#[test]
fn every_rule_has_a_sentence_for_everything() {
    for rule in rules::all() {
        for text in [rule.summary, rule.hazard, rule.safe_way] {
            assert!(text.ends_with('.') && text.len() > 10, "{}: {text}", rule.id);
        }
    }
}
