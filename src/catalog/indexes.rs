//! What concurrent index commands leave behind.
//!
//! Names are looked up as the caller, whose search_path gives them their meaning; everything else is read as the owner.

use super::keys::oid_array;
use crate::ddl::Name;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// An index that was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Quoted and schema-qualified.
    pub quoted: String,
    /// As in pg_class.
    pub name: String,
    pub valid: bool,
    /// As pg_get_indexdef writes it.
    pub definition: String,
}

/// The relation a name means to the caller now.
pub fn lookup(name: &Name) -> Result<Option<u32>> {
    let sql = "SELECT CAST(pg_catalog.to_regclass(CASE WHEN $1 IS NULL THEN pg_catalog.quote_ident($2) \
               ELSE pg_catalog.format('%I.%I', $1, $2) END) AS pg_catalog.oid)";
    Ok(query(sql, &[name.schema.as_deref(), Some(&name.name)])?.first().and_then(|r| r.number(0)))
}

/// Whether a relation of that oid exists.
pub fn exists(oid: u32) -> Result<bool> {
    as_owner(|| {
        let rows = query("SELECT EXISTS (SELECT FROM pg_class WHERE oid = $1::oid)", &[Some(&oid.to_string())])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}

/// The oids of a table's indexes, as an array in text.
pub fn of_table(table: u32) -> Result<Option<String>> {
    one(
        "SELECT coalesce(array_agg(indexrelid), '{}') FROM pg_index WHERE indrelid = $1::oid",
        &[Some(&table.to_string())],
    )
}

/// The oids of all invalid indexes, as an array in text.
pub fn invalid() -> Result<Option<String>> {
    one("SELECT coalesce(array_agg(indexrelid), '{}') FROM pg_index WHERE NOT indisvalid", &[])
}

/// Indexes of a table that are not among `before`, and that nobody is building now.
pub fn new_of_table(table: u32, before: &str) -> Result<Vec<Index>> {
    list("i.indrelid = ANY ($2::oid[])", before, &oid_array(&[table]))
}

/// Invalid indexes that are not among `before`, have a name REINDEX CONCURRENTLY gives to its copies, and that nobody is
/// building now.
pub fn new_copies(before: &str) -> Result<Vec<Index>> {
    list("$2 = '{}' AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'", before, "{}")
}

/// The index of that name on a table, if there is one.
pub fn named(table: u32, index: &str) -> Result<Option<Index>> {
    Ok(new_of_table(table, "{}")?.into_iter().find(|i| i.name == index))
}

/// The statement that drops an index without blocking anybody.
pub fn drop_statement(index: &Index) -> String {
    format!("DROP INDEX CONCURRENTLY {}", index.quoted)
}

fn list(condition: &str, before: &str, tables: &str) -> Result<Vec<Index>> {
    as_owner(|| {
        let sql = format!(
            "SELECT format('%I.%I', n.nspname, c.relname), c.relname, i.indisvalid, pg_get_indexdef(c.oid) \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {condition} AND NOT (i.indexrelid = ANY ($1::oid[])) \
             AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
        );
        Ok(query(&sql, &[Some(before), Some(tables)])?
            .iter()
            .map(|r| Index {
                quoted: r.required(0),
                name: r.required(1),
                valid: r.boolean(2),
                definition: r.required(3),
            })
            .collect())
    })
}

fn one(sql: &str, parameters: &[Option<&str>]) -> Result<Option<String>> {
    as_owner(|| Ok(query(sql, parameters)?.first().and_then(|r| r.text(0))))
}

/// An index as SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Quoted where needed, and schema-qualified.
    pub quoted: String,
    /// CREATE INDEX CONCURRENTLY ... that makes it again.
    pub concurrently: String,
    /// A constraint owns it.
    pub of_constraint: bool,
    /// It is attached to a partitioned table's.
    pub of_partition: bool,
}

/// These indexes, in order of name.
pub fn described(oids: &[u32]) -> Result<Vec<Described>> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let list = oid_array(oids);
    as_owner(|| {
        let sql = "SELECT format('%I.%I', n.nspname, c.relname), \
                   regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \\1INDEX CONCURRENTLY '), \
                   EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')), \
                   c.relispartition \
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.oid = ANY ($1::oid[]) ORDER BY c.relname, c.oid";
        Ok(query(sql, &[Some(&list)])?
            .iter()
            .map(|r| Described {
                quoted: r.required(0),
                concurrently: r.required(1),
                of_constraint: r.boolean(2),
                of_partition: r.boolean(3),
            })
            .collect())
    })
}

/// Whether an index belongs to a constraint or to a partitioned index, so that it cannot be dropped by itself.
pub fn is_part_of_another(index: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = $1::oid \
                   AND objsubid = 0 AND deptype IN ('i', 'P', 'S'))";
        Ok(query(sql, &[Some(&index.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}
