//! `set-unlogged`: an unlogged table is emptied by a crash and does not exist on standbys.

use crate::catalog::publications;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;

pub static RULE: Rule = Rule {
    id: "set-unlogged",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "SET UNLOGGED of a table that holds rows.",
    hazard: "A crash empties the table. Standbys cannot read it, subscribers get no more changes, and a failover loses it.",
    safe_way: "Only for data that can be made again.",
    bad: "ALTER TABLE plans SET LOGGED; INSERT INTO plans VALUES (1); ALTER TABLE plans SET UNLOGGED;",
    good: "ALTER TABLE plans SET LOGGED;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::SetPersistence { logged: false }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let weight = Weight::of(relation)?;
    // Nothing to lose, and a table that is unlogged already has no work to do.
    if weight.size.bytes == 0 || publications::is_unlogged(relation.oid)? {
        return Ok(None);
    }
    let mut detail = format!("{} A crash would empty it.", weight.describe(&relation.quoted)?);
    match publications::standbys()? {
        0 => {}
        1 => detail.push_str(" A standby is connected, where it could not be read."),
        count => detail.push_str(&format!(" {count} standbys are connected, where it could not be read.")),
    }
    let published = publications::of_all_tables()?;
    if let Some(publication) = &published {
        detail.push_str(&format!(" Publication {publication} would not send its changes any more."));
    }
    let message = format!("\"{}\" would lose its rows in a crash", relation.name);
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("If its rows can be made again:", &[RULE.id], sql);
    let heavy = weight.is_heavy() || published.is_some();
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(heavy)))
}
