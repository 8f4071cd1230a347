//! `rename-schema`: a schema gets another name, and with it everything in it.

use crate::catalog::{ownership, references};
use crate::ddl::{Change, ChangeKind, Ddl, Object};
use crate::error::Result;
use crate::guard::compatibility;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{counted, listed};
use crate::pg;

pub static RULE: Rule = Rule {
    id: "rename-schema",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A schema that holds tables or views is renamed.",
    hazard: "The qualified name of everything in it changes, and a search_path that names it finds nothing any more.",
    safe_way: "Rename it, and make a schema of the old name with views in one transaction.",
    bad: "CREATE SCHEMA app; CREATE VIEW app.people AS SELECT * FROM users; ALTER SCHEMA app RENAME TO core;",
    good: "CREATE SCHEMA core; CREATE VIEW core.people AS SELECT * FROM users;",
    find,
};

/// Views a hint lists one by one; beyond that it generates them.
const LISTED: usize = 12;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Rename { of, column: None, to } = &change.kind else { return Ok(None) };
    if of.kind != "SCHEMA" {
        return Ok(None);
    }
    let relations = references::relations_of(&[of.oid])?;
    if relations.is_empty() {
        return Ok(None);
    }
    let size = Size::of(&references::stored_in(&[of.oid])?)?;
    let functions = references::functions_naming(&[&bare(&of.identity)], None)?;
    let names: Vec<&str> = relations.iter().map(|r| r.1.as_str()).collect();
    let mut detail =
        format!("It holds {} ({}) with {}.", counted(relations.len(), "relation"), listed(&names), size.describe()?);
    if !functions.is_empty() {
        detail.push_str(&format!(" Functions whose text names it: {}.", listed(&functions)));
    }
    let message = format!("renaming schema {} breaks whatever uses that name", of.identity);
    let heavy = size.is_large() || !functions.is_empty();
    Ok(Some(Finding::new(change, message, detail, recipe(change, of, to, &relations)?).heavy(heavy)))
}

/// An identifier without its quotes.
fn bare(quoted: &str) -> String {
    match quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => quoted.to_owned(),
    }
}

fn recipe(change: &Change, of: &Object, to: &str, relations: &[(u32, String, char)]) -> Result<Recipe> {
    let (old, new) = (&of.identity, pg::relation::quoted(to));
    let mut statements: Vec<String> = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let owner = ownership::of_schema(of.oid)?.filter(|owner| owner.can_be_given);
    let authorization = owner.map(|owner| format!(" AUTHORIZATION {}", owner.role)).unwrap_or_default();
    statements.push(format!("CREATE SCHEMA {old}{authorization};"));
    for user in references::schema_users(of.oid)? {
        statements.push(format!("GRANT USAGE ON SCHEMA {old} TO {user};"));
    }
    let many = relations.len() > LISTED;
    if many {
        let (from, to) = (in_format(&new), in_format(old));
        let made = format!("CREATE VIEW {to}.%1$I WITH (security_invoker = true) AS SELECT * FROM {from}.%1$I");
        statements.push(generated(&made, &new, ""));
        let owners: Vec<_> = relations.iter().map(|r| ownership::of_relation(r.0)).collect::<Result<_>>()?;
        if owners.iter().flatten().any(|owner| owner.can_be_given) {
            let given = format!("ALTER VIEW {to}.%I OWNER TO %I");
            statements.push(generated(&given, &new, " AND relowner <> current_user::regrole"));
        }
    } else {
        for (oid, name, _) in relations {
            statements.extend(compatibility::view(&format!("{old}.{name}"), &format!("{new}.{name}"), "*", *oid)?);
        }
    }
    let mut recipe = Recipe::allowing(
        "Leave views in a schema of the old name, and run what follows COMMIT when nobody uses them any more:",
        &[RULE.id],
        statements,
    );
    if many {
        recipe.statements.push(generated(&format!("DROP VIEW {}.%I", in_format(old)), old, ""));
    } else {
        let views: Vec<String> = relations.iter().map(|r| format!("{old}.{}", r.1)).collect();
        recipe.statements.push(format!("DROP VIEW {};", views.join(", ")));
    }
    recipe.statements.push(format!("DROP SCHEMA {old};"));
    Ok(recipe)
}

/// A quoted name within a literal that format() takes.
fn in_format(name: &str) -> String {
    name.replace('\'', "''").replace('%', "%%")
}

/// A query of which psql runs the results: `what` for the name, and the owner, of each relation of a schema.
fn generated(what: &str, schema: &str, filter: &str) -> String {
    let owner = if filter.is_empty() { "" } else { ", pg_get_userbyid(relowner)" };
    let schema = schema.replace('\'', "''");
    format!(
        "SELECT format('{what}', relname{owner}) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace \
         AND relkind IN ('r', 'p', 'm', 'f', 'v') AND NOT relispartition{filter} \\gexec"
    )
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn quotes_are_taken_off() {
        assert_eq!(bare("app"), "app");
        assert_eq!(bare("\"My \"\"app\"\"\""), "My \"app\"");
    }
}
