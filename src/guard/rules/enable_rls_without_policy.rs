//! `enable-rls-without-policy`: row level security without a policy hides every row from everybody but the owner.

use crate::catalog::policies;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "enable-rls-without-policy",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "ENABLE ROW LEVEL SECURITY on a table that has no policy.",
    hazard: "Everybody but the owner sees no rows and can write none from the commit on.",
    safe_way: "Create the policies first.",
    bad: "ALTER TABLE users ENABLE ROW LEVEL SECURITY;",
    good: "CREATE POLICY everyone ON users USING (true); ALTER TABLE users ENABLE ROW LEVEL SECURITY;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::RowSecurity { enable: true }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    if policies::is_covered(relation.oid)? {
        return Ok(None);
    }
    let weight = Weight::of(relation)?;
    let message = format!("everybody but its owner would see no rows of \"{}\"", relation.name);
    let detail =
        format!("{} It has no policy, and what no policy lets through is hidden.", weight.describe(&relation.quoted)?);
    let policy = pg::relation::quoted(&format!("{}_all", relation.name));
    let mut statements = vec![format!("CREATE POLICY {policy} ON {} USING (true);", relation.quoted)];
    statements.extend(change.sql.iter().map(|sql| format!("{sql};")));
    let recipe = Recipe::new("Create a policy first (put your own condition):", statements);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(weight.is_heavy())))
}
