//! Logical replication: who publishes what, and how rows are told apart.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::relation;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::as_owner;

/// A table whose rows cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unidentified {
    pub oid: u32,
    /// Qualified and quoted.
    pub quoted: String,
    /// An index that could be its identity, quoted.
    pub index: Option<String>,
}

/// The tables that UPDATE and DELETE could not be published of: what `CheckCmdReplicaIdentity` would refuse.
const WITHOUT_IDENTITY: &str = "SELECT c.oid, c.oid::regclass, \
     (SELECT quote_ident(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL \
      AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid \
        AND a.attnum = ANY (i.indkey::int2[]) AND NOT a.attnotnull) ORDER BY i.indnatts, 1 LIMIT 1) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') \
     AND CASE c.relreplident WHEN 'f' THEN false WHEN 'n' THEN true \
       WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate \
         AND i.indisvalid) \
       ELSE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid) END";

/// Among these tables.
pub fn without_identity(tables: &[u32]) -> Result<Vec<Unidentified>> {
    list("c.oid = ANY ($1::oid[])", &oid_array(tables))
}

/// Among the tables of these schemas; of all schemas when there are none.
pub fn without_identity_in(schemas: &[u32]) -> Result<Vec<Unidentified>> {
    list("($1 = '{}' OR c.relnamespace = ANY ($1::oid[]))", &oid_array(schemas))
}

fn list(condition: &str, oids: &str) -> Result<Vec<Unidentified>> {
    as_owner(|| {
        let sql = format!("{WITHOUT_IDENTITY} AND {condition} ORDER BY 2 LIMIT 1000");
        Ok(query(&sql, &[Some(oids)])?
            .iter()
            .map(|r| Unidentified { oid: r.number(0).unwrap_or(0), quoted: r.required(1), index: r.text(2) })
            .collect())
    })
}

/// pg_class.oid of pg_publication.
const PUBLICATIONS: u32 = 6104;

/// The publications that send UPDATE or DELETE of one of these tables, directly, by schema, by a parent or by ALL TABLES.
pub fn publishing(tables: &[u32]) -> Result<Vec<String>> {
    // Most databases publish nothing.
    if !relation::has_pages(PUBLICATIONS) {
        return Ok(Vec::new());
    }
    let list = oid_array(tables);
    as_owner(|| {
        let sql = "SELECT DISTINCT quote_ident(p.pubname) FROM pg_publication p \
                   CROSS JOIN unnest($1::oid[]) AS l(t) JOIN pg_class c ON c.oid = l.t AND c.relpersistence = 'p' \
                   WHERE (p.pubupdate OR p.pubdelete) AND (p.puballtables \
                     OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid \
                       AND (r.prrelid = l.t OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(l.t) relid))) \
                     OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid \
                       AND s.pnnspid = c.relnamespace)) ORDER BY 1";
        Ok(query_planned(sql, &[Some(&list)])?.iter().map(|r| r.required(0)).collect())
    })
}

/// A publication of all tables, quoted.
pub fn of_all_tables() -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT quote_ident(pubname) FROM pg_publication WHERE puballtables ORDER BY 1 LIMIT 1";
        Ok(query_planned(sql, &[])?.first().and_then(|r| r.text(0)))
    })
}

/// Whether a table is unlogged.
pub fn is_unlogged(table: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT relpersistence = 'u' FROM pg_class WHERE oid = $1::oid";
        Ok(query_planned(sql, &[Some(&table.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Connected standbys; subscribers do not count.
pub fn standbys() -> Result<u64> {
    as_owner(|| {
        let sql = "SELECT count(*) FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid \
                   WHERE s.slot_type IS DISTINCT FROM 'logical'";
        Ok(query_planned(sql, &[])?.first().and_then(|r| r.number(0)).unwrap_or(0))
    })
}
