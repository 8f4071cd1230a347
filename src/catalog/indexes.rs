//! What concurrent index commands leave behind.
//!
//! Names are looked up as the caller, whose search_path gives them their meaning; everything else is read as the owner.

use super::keys::oid_array;
use crate::ddl::Name;
use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::spi::{query, query_planned};
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
    /// The table's oid.
    pub table: u32,
}

/// The relation a name means to the caller now.
pub fn lookup(name: &Name) -> Result<Option<u32>> {
    let sql = "SELECT CAST(pg_catalog.to_regclass(CASE WHEN $1 IS NULL THEN pg_catalog.quote_ident($2) \
               ELSE pg_catalog.format('%I.%I', $1, $2) END) AS pg_catalog.oid)";
    Ok(query_planned(sql, &[name.schema.as_deref(), Some(&name.name)])?.first().and_then(|r| r.number(0)))
}

/// The name of an index, and oid and name of its table, as a JSON object.
pub fn place(index: u32) -> Result<Option<String>> {
    one(
        "SELECT jsonb_build_object('name', format('%I.%I', n.nspname, c.relname), 'parent', t.oid, \
         'parent_name', format('%I.%I', m.nspname, t.relname)) \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace m ON m.oid = t.relnamespace WHERE i.indexrelid = $1::oid",
        &[Some(&index.to_string())],
    )
}

/// Whether an index that was at that [`place`] is there: by its oid, or by its name on its table where a dump was restored.
pub fn is_at(index: u32, place: &str) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = $1::oid \
                   OR (indexrelid = to_regclass($2::jsonb ->> 'name') AND indrelid = to_regclass($2::jsonb ->> 'parent_name')))";
        let rows = query_planned(sql, &[Some(&index.to_string()), Some(place)])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Whether a relation of that oid exists.
pub fn exists(oid: u32) -> Result<bool> {
    as_owner(|| {
        let rows =
            query_planned("SELECT EXISTS (SELECT FROM pg_class WHERE oid = $1::oid)", &[Some(&oid.to_string())])?;
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

/// Those of some tables that have invalid indexes.
pub fn with_invalid(tables: &[u32]) -> Result<Vec<u32>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT indrelid FROM pg_index WHERE indrelid = ANY ($1::oid[]) AND NOT indisvalid";
        Ok(query_planned(sql, &[Some(&oid_array(tables))])?.iter().filter_map(|r| r.number(0)).collect())
    })
}

/// Invalid indexes of a table that can be dropped by themselves, and that nobody is building now. Postgres locks the table to
/// write them down; none where another session has it locked.
pub fn invalid_of_table(table: u32) -> Result<Vec<Index>> {
    let Some(_open) = Peek::open(table.into()) else { return Ok(Vec::new()) };
    let own = "i.indrelid = ANY ($2::oid[]) AND NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS (SELECT FROM pg_depend d \
               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype IN ('i', 'P', 'S'))";
    list(own, "{}", &oid_array(&[table]))
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
            "SELECT format('%I.%I', n.nspname, c.relname), c.relname, i.indisvalid, pg_get_indexdef(c.oid), i.indrelid \
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
                table: r.number(4).unwrap_or(0),
            })
            .collect())
    })
}

fn one(sql: &'static str, parameters: &[Option<&str>]) -> Result<Option<String>> {
    as_owner(|| Ok(query_planned(sql, parameters)?.first().and_then(|r| r.text(0))))
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
    pub unique: bool,
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
                   c.relispartition, i.indisunique \
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indexrelid = c.oid \
                   WHERE c.oid = ANY ($1::oid[]) ORDER BY c.relname, c.oid";
        Ok(query_planned(sql, &[Some(&list)])?
            .iter()
            .map(|r| Described {
                quoted: r.required(0),
                concurrently: r.required(1),
                of_constraint: r.boolean(2),
                of_partition: r.boolean(3),
                unique: r.boolean(4),
            })
            .collect())
    })
}

/// Whether an index belongs to a constraint or to a partitioned index, so that it cannot be dropped by itself.
pub fn is_part_of_another(index: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = $1::oid \
                   AND objsubid = 0 AND deptype IN ('i', 'P', 'S'))";
        Ok(query_planned(sql, &[Some(&index.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// For an index over more than one column: how to make it without that column; `None` inside when what would remain is no
/// index (expressions, conditions, nothing but INCLUDE). `None` for an index on that column alone, which goes with reason.
pub fn without_column(table: u32, index: u32, column: i16) -> Result<Option<Option<String>>> {
    // Postgres locks the table to write an index down; where another session has it locked, that is left out.
    let open = Peek::open(table.into());
    let writable = open.is_some().to_string();
    let parameters = [index.to_string(), column.to_string()];
    as_owner(|| {
        let sql = "SELECT i.indnatts > 1 OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL, \
                   CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL AND NOT i.indisunique AND NOT c.relispartition \
                   AND $3::bool THEN \
                   (SELECT format('CREATE INDEX CONCURRENTLY ON %s USING %I (%s)', i.indrelid::regclass, m.amname, \
                     string_agg(pg_get_indexdef(i.indexrelid, k.n::int, true) \
                       || CASE WHEN k.sorting & 1 = 1 THEN ' DESC' ELSE '' END \
                       || CASE k.sorting WHEN 1 THEN ' NULLS LAST' WHEN 2 THEN ' NULLS FIRST' ELSE '' END, ', ' ORDER BY k.n)) \
                    FROM unnest(i.indkey::int2[], i.indoption::int2[], i.indclass::oid[], i.indcollation::oid[]) \
                      WITH ORDINALITY k(attnum, sorting, opclass, colid, n) \
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                    JOIN pg_opclass p ON p.oid = k.opclass \
                    WHERE k.n <= i.indnkeyatts AND k.attnum <> $2::int2 \
                    HAVING bool_and(p.opcdefault AND k.colid = a.attcollation)) END \
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam \
                   WHERE i.indexrelid = $1::oid";
        let rows = query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1]), Some(&writable)])?;
        Ok(rows.first().and_then(|r| r.boolean(0).then(|| r.text(1))))
    })
}

/// The same for a constraint over more than one column: an index cannot take its place.
pub fn constraint_without_column(constraint: u32, column: i16) -> Result<Option<Option<String>>> {
    let parameters = [constraint.to_string(), column.to_string()];
    as_owner(|| {
        let sql =
            "SELECT EXISTS (SELECT FROM unnest(conkey) k WHERE k <> $2::int2) FROM pg_constraint WHERE oid = $1::oid";
        let rows = query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?;
        Ok(rows.first().and_then(|r| r.boolean(0).then_some(None)))
    })
}

/// The valid indexes of a table: qualified and quoted name, and definition. Postgres locks the table to write them down; none
/// where another session has it locked.
pub fn definitions(table: u32) -> Result<Vec<(String, String)>> {
    let Some(_open) = Peek::open(table.into()) else { return Ok(Vec::new()) };
    as_owner(|| {
        let sql = "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index \
                   WHERE indrelid = $1::oid AND indisvalid ORDER BY 1";
        let rows = query_planned(sql, &[Some(&table.to_string())])?;
        Ok(rows.iter().map(|r| (r.required(0), r.required(1))).collect())
    })
}

/// A valid index of the same table, without a condition, that begins with all the columns of this one: another index that
/// could do its work. Qualified and quoted.
pub fn covering(index: u32) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT o.indexrelid::regclass FROM pg_index i JOIN pg_index o ON o.indrelid = i.indrelid \
                   AND o.indexrelid <> i.indexrelid AND o.indisvalid AND o.indpred IS NULL \
                   WHERE i.indexrelid = $1::oid AND i.indexprs IS NULL AND NOT i.indisunique \
                   AND (o.indkey::int2[])[0:i.indnkeyatts - 1] = (i.indkey::int2[])[0:i.indnkeyatts - 1] \
                   AND (o.indclass::oid[])[0:i.indnkeyatts - 1] = (i.indclass::oid[])[0:i.indnkeyatts - 1] \
                   ORDER BY 1 LIMIT 1";
        Ok(query_planned(sql, &[Some(&index.to_string())])?.first().and_then(|r| r.text(0)))
    })
}
