//! `wide-index`: an index over more columns than queries usually narrow down by.

use crate::ddl::{Change, ChangeKind, Ddl, IndexDefinition};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "wide-index",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "CREATE INDEX over more than three columns that is not unique.",
    hazard: "It is large, costs every write, and its last columns seldom narrow anything down.",
    safe_way: "Index the columns that queries narrow down by; put others behind INCLUDE.",
    bad: "CREATE INDEX CONCURRENTLY wide ON users (plan_id, age, email, note);",
    good: "CREATE INDEX CONCURRENTLY narrow ON users (plan_id, age);",
    find,
};

/// More key columns than this are many.
const MANY: usize = 3;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (index, relation): (&IndexDefinition, _) = match (&change.kind, &change.on) {
        (ChangeKind::CreateIndex(index) | ChangeKind::CreateIndexConcurrently { index, .. }, Some(on)) => (index, on),
        _ => return Ok(None),
    };
    let count = index.body.as_deref().map_or(0, keys);
    if index.unique || count <= MANY {
        return Ok(None);
    }
    let message = format!("an index of \"{}\" over {count} columns is seldom worth its size", relation.name);
    let recipe = Recipe::advice("Index the columns that queries narrow down by, and put others behind INCLUDE.");
    Ok(Some(Finding::new(change, message, "Its last columns seldom narrow anything down.", recipe)))
}

/// The elements of the first list in parentheses.
fn keys(body: &str) -> usize {
    let Some(start) = body.find('(') else { return 0 };
    let (mut depth, mut count, mut quote) = (0, 1, None);
    for c in body[start..].chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return count;
                }
            }
            (None, ',') if depth == 1 => count += 1,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn keys_are_counted() {
        assert_eq!(keys("USING btree (a)"), 1);
        assert_eq!(keys("USING btree (a, lower(b, 'x,y'), \"c,)\") INCLUDE (d, e)"), 3);
        assert_eq!(keys("nothing"), 0);
    }
}
