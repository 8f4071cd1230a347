//! Views as SQL.

use super::keys::oid_array;
use super::references::grants;
use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// The statements that drop the views on a column, and those that make them again with their owners and the rights that others
/// have, without those of these oids. `None` when more than plain views uses the column, when something depends on the views, or
/// when their definitions cannot be read without waiting for a lock.
pub fn made_again(table: u32, column: i16, without: &[u32]) -> Result<Option<(Vec<String>, Vec<String>)>> {
    let mut users = super::dependents::against_new_type(table, column)?;
    users.retain(|user| !without.contains(&user.oid));
    if users.iter().any(|u| u.kind != "view") {
        return Ok(None);
    }
    let (mut dropped, mut made) = (Vec::new(), Vec::new());
    for view in &users {
        let Some(definition) = definition(view.oid)? else { return Ok(None) };
        if super::dependents::are_needed(&[(super::dependents::RELATIONS, view.oid, 0)])? {
            return Ok(None);
        }
        dropped.push(format!("DROP VIEW {};", view.name));
        made.push(format!("CREATE VIEW {} AS {definition};", view.name));
        // First: a right that the current user has would otherwise go over to the owner.
        made.extend(super::ownership::of_relation(view.oid)?.map(|owner| owner.given("VIEW", &view.name)));
        for (privileges, grantee) in grants(view.oid)? {
            made.push(format!("GRANT {privileges} ON {} TO {grantee};", view.name));
        }
    }
    Ok((!dropped.is_empty()).then_some((dropped, made)))
}

/// A view's query on one line, qualified, with the view's options. Postgres locks what the view reads while it writes that
/// down; where another session holds one of those, `None`.
fn definition(view: u32) -> Result<Option<String>> {
    let read = as_owner(|| {
        let sql = "SELECT DISTINCT d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass \
                   AND d.objid = r.oid WHERE r.ev_class = ANY ($1::oid[]) AND d.refclassid = 'pg_class'::regclass";
        Ok(query_planned(sql, &[Some(&oid_array(&[view]))])?
            .iter()
            .filter_map(|r| r.number::<u32>(0))
            .collect::<Vec<_>>())
    })?;
    let peeks: Vec<Option<Peek>> = read.iter().map(|oid| Peek::open((*oid).into())).collect();
    if peeks.iter().any(Option::is_none) {
        return Ok(None);
    }
    as_owner(|| {
        // A line break within a literal has to stay: then the text is left alone.
        let sql = "SELECT regexp_replace(rtrim(v.text, ';'), '\\s*\\n\\s*', ' ', 'g'), c.reloptions IS NOT NULL, \
                   length(v.text) - length(translate(v.text, E'\\n', '')) \
                   <> length(v.bare) - length(translate(v.bare, E'\\n', '')) \
                   FROM pg_class c CROSS JOIN LATERAL (SELECT d, regexp_replace(d, '''([^'']|'''')*''', '', 'g') \
                     FROM pg_get_viewdef(c.oid, -1) d) v(text, bare) WHERE c.oid = $1::oid";
        let rows = query_planned(sql, &[Some(&view.to_string())])?;
        Ok(rows.first().and_then(|r| (!r.boolean(1) && !r.boolean(2)).then(|| r.required(0).trim().to_owned())))
    })
}
