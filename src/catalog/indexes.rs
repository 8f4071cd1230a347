//! What concurrent index commands leave behind.

use crate::ddl::Name;
use crate::error::Result;
use crate::pg::spi::query;

/// An index that was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Quoted and schema-qualified.
    pub quoted: String,
    /// As in pg_class.
    pub name: String,
    pub valid: bool,
}

const TABLE: &str = "pg_catalog.to_regclass(CASE WHEN $1 IS NULL THEN pg_catalog.quote_ident($2) \
                     ELSE pg_catalog.format('%I.%I', $1, $2) END)";

/// The oids of a table's indexes, as an array in text. The name is looked up as the caller's search_path says.
pub fn of_table(table: &Name) -> Result<Option<String>> {
    let sql = format!(
        "SELECT coalesce(pg_catalog.array_agg(indexrelid), '{{}}') FROM pg_catalog.pg_index \
         WHERE indrelid OPERATOR(pg_catalog.=) {TABLE}"
    );
    one(&sql, &[table.schema.as_deref(), Some(&table.name)])
}

/// The oids of all invalid indexes, as an array in text.
pub fn invalid() -> Result<Option<String>> {
    one("SELECT coalesce(pg_catalog.array_agg(indexrelid), '{}') FROM pg_catalog.pg_index WHERE NOT indisvalid", &[])
}

/// Indexes of a table that are not among `before`.
pub fn new_of_table(table: &Name, before: &str) -> Result<Vec<Index>> {
    let condition = format!("i.indrelid OPERATOR(pg_catalog.=) {TABLE}");
    list(&condition, &[table.schema.as_deref(), Some(&table.name), Some(before)])
}

/// Invalid indexes that are not among `before` and have a name REINDEX CONCURRENTLY gives to its copies.
pub fn new_copies(before: &str) -> Result<Vec<Index>> {
    let condition = "$1 IS NULL AND $2 IS NULL AND NOT i.indisvalid \
                     AND c.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'";
    list(condition, &[None, None, Some(before)])
}

/// The statement that drops an index without blocking anybody.
pub fn drop_statement(index: &Index) -> String {
    format!("DROP INDEX CONCURRENTLY {}", index.quoted)
}

/// Whether an index of that name exists, as the caller's search_path says.
pub fn exists(index: &Name) -> Result<bool> {
    let sql = format!("SELECT {TABLE} IS NOT NULL");
    let rows = query(&sql, &[index.schema.as_deref(), Some(&index.name)])?;
    Ok(rows.first().is_some_and(|r| r.boolean(0)))
}

/// The index of that name on a table, if there is one.
pub fn named(table: &Name, index: &str) -> Result<Option<Index>> {
    Ok(new_of_table(table, "{}")?.into_iter().find(|i| i.name == index))
}

fn list(condition: &str, parameters: &[Option<&str>]) -> Result<Vec<Index>> {
    let sql = format!(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relname, i.indisvalid \
         FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
         WHERE {condition} AND NOT (i.indexrelid OPERATOR(pg_catalog.=) ANY ($3::oid[]))"
    );
    Ok(query(&sql, parameters)?
        .iter()
        .map(|r| Index { quoted: r.required(0), name: r.required(1), valid: r.boolean(2) })
        .collect())
}

fn one(sql: &str, parameters: &[Option<&str>]) -> Result<Option<String>> {
    Ok(query(sql, parameters)?.first().and_then(|r| r.text(0)))
}
