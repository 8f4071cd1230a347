//! What the rules about a missing WHERE have in common.

use super::rule::{Finding, Recipe};
use super::size::Size;
use crate::ddl::{Change, ChangeKind};
use crate::error::Result;

/// The finding about a statement without WHERE; `verb` is what it does to rows.
pub fn without_where(change: &Change, verb: &str) -> Result<Option<Finding>> {
    let (ChangeKind::ByHand(by_hand), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let command = by_hand.command;
    let message = format!("{command} without WHERE would {verb} every row of \"{}\"", relation.name);
    let detail = match relation.kind {
        'v' => format!("{} is a view.", relation.quoted),
        _ => format!("{} has {}.", relation.quoted, Size::of(&relation.leaves)?.describe()?),
    };
    let recipe = match &change.sql {
        Some(sql) => Recipe::new("If every row is meant, say so:", vec![format!("{sql};")]),
        None => Recipe::advice("If every row is meant, say so with WHERE true."),
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
