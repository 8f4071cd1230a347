//! `drop-constraint`: a foreign key, primary key, UNIQUE or exclusion constraint goes, and with it what it guarded.

use crate::catalog::{constraints, dependents, publications};
use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;

pub static RULE: Rule = Rule {
    id: "drop-constraint",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "A foreign key, primary key, UNIQUE or exclusion constraint is dropped.",
    hazard: "Wrong rows get in from then on, and the index of a key is gone. Dropping a foreign key locks both tables ACCESS \
             EXCLUSIVE, which blocks reads and writes.",
    safe_way: "Build a replacement first; drop one foreign key in one transaction.",
    bad: "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;",
    good: "ALTER TABLE orders DROP CONSTRAINT IF EXISTS nothing;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::DropConstraint { name, kind, oid, cascade }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let what = match kind {
        ConstraintKind::ForeignKey => "foreign key",
        ConstraintKind::PrimaryKey => "primary key",
        ConstraintKind::Unique => "UNIQUE constraint",
        ConstraintKind::Exclusion => "exclusion constraint",
        // They take nothing but themselves along, and come back with NOT VALID and VALIDATE.
        ConstraintKind::Check | ConstraintKind::NotNull => return Ok(None),
    };
    let Some(constraint) = constraints::facts(relation.oid, *oid)? else { return Ok(None) };
    if !cascade && dependents::are_needed(&[(dependents::CONSTRAINTS, *oid, 0)])? {
        return Ok(None);
    }
    let size = Size::of(&relation.leaves)?;
    let definition = constraint.definition.map_or(String::new(), |text| format!("{text}. "));
    let mut detail = format!("{definition}{} has {}.", relation.quoted, size.describe()?);
    let mut heavy = size.is_large();
    if let Some(referenced) = constraint.referenced {
        let other = Size::of(&constraint.referenced_leaves)?;
        heavy |= other.is_large();
        detail.push_str(&format!(
            " Both it and {referenced} ({}) are locked ACCESS EXCLUSIVE, which blocks reads and writes.",
            other.describe()?
        ));
    } else {
        detail.push_str(" Its index goes with it.");
    }
    if size.bytes == 0 && !heavy {
        return Ok(None);
    }
    if constraint.is_identity && !publications::publishing(&relation.leaves)?.is_empty() {
        detail.push_str(" The table is published, and this is what tells its rows apart for subscribers.");
    }
    let message = format!("dropping {what} \"{name}\" of \"{}\" lets wrong rows in", relation.name);
    let sql = change.sql.iter().map(|sql| format!("{sql};"));
    let bounded = std::iter::once("SET LOCAL lock_timeout = '1s';".to_owned()).chain(sql).collect();
    let recipe =
        Recipe::allowing("If nothing relies on it, with a bound on the time that others wait:", &[RULE.id], bounded);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(heavy)))
}
