//! Constraints as SQL.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// A constraint and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, quoted where needed.
    pub quoted: String,
    /// As `pg_get_constraintdef` writes it, everything qualified.
    pub definition: String,
    /// The table it is on.
    pub relation: u32,
    /// Quoted where needed, and schema-qualified.
    pub table: String,
    /// It came with a partitioned table's.
    pub of_partition: bool,
    /// It came from a parent only, and goes with the parent's.
    pub inherited: bool,
}

/// The definition of a table's constraint; `None` when there is none of that name.
pub fn definition(relation: u32, name: &str) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::oid AND conname = $2";
        Ok(query_planned(sql, &[Some(&relation.to_string()), Some(name)])?.first().and_then(|r| r.text(0)))
    })
}

/// These constraints, in order of name.
pub fn described(oids: &[u32]) -> Result<Vec<Constraint>> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let list = oid_array(oids);
    as_owner(|| {
        let sql = "SELECT quote_ident(k.conname), pg_get_constraintdef(k.oid), k.conrelid, \
                   format('%I.%I', n.nspname, c.relname), k.conparentid <> 0 OR c.relkind = 'p', NOT k.conislocal \
                   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE k.oid = ANY ($1::oid[]) ORDER BY k.conname, k.oid";
        Ok(query_planned(sql, &[Some(&list)])?
            .iter()
            .map(|r| Constraint {
                quoted: r.required(0),
                definition: r.required(1),
                relation: r.number(2).unwrap_or(0),
                table: r.required(3),
                of_partition: r.boolean(4),
                inherited: r.boolean(5),
            })
            .collect())
    })
}

/// What dropping a constraint would touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Unknown when another session has the table locked.
    pub definition: Option<String>,
    /// The table that a foreign key references, qualified and quoted.
    pub referenced: Option<String>,
    /// It and its partitions.
    pub referenced_leaves: Vec<u32>,
    /// Its index tells the rows of the table apart in replication.
    pub is_identity: bool,
}

/// The facts of a table's constraint; `None` when it is gone.
pub fn facts(table: u32, oid: u32) -> Result<Option<Facts>> {
    let open = Peek::open(table.into());
    let parameters = [oid.to_string(), open.is_some().to_string()];
    as_owner(|| {
        let sql = "WITH RECURSIVE tree(oid) AS (SELECT confrelid FROM pg_constraint WHERE oid = $1::oid AND contype = 'f' UNION \
                     SELECT i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid) \
                   SELECT CASE WHEN $2::bool THEN pg_get_constraintdef(k.oid) END, \
                   CASE WHEN k.contype = 'f' THEN k.confrelid::regclass::text END, \
                   (SELECT string_agg(oid::text, ',') FROM tree), \
                   coalesce(i.indisreplident OR (i.indisprimary AND c.relreplident = 'd'), false) \
                   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
                   LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype <> 'f' WHERE k.oid = $1::oid";
        let rows = query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?;
        Ok(rows.first().map(|r| Facts {
            definition: r.text(0),
            referenced: r.text(1),
            referenced_leaves: r.required(2).split(',').filter_map(|o| o.parse().ok()).collect(),
            is_identity: r.boolean(3),
        }))
    })
}

/// What the statement drops before it adds anything, and with it constraints.
#[derive(Clone, Debug, Default)]
pub struct Dropped {
    pub constraints: Vec<u32>,
    pub columns: Vec<i16>,
    /// Columns that it makes nullable.
    pub not_null: Vec<i16>,
}

impl Dropped {
    fn parameters(&self) -> [String; 3] {
        let list = |numbers: &[i16]| {
            let numbers: Vec<String> = numbers.iter().map(i16::to_string).collect();
            format!("{{{}}}", numbers.join(","))
        };
        [oid_array(&self.constraints), list(&self.columns), list(&self.not_null)]
    }
}

/// The first constraint of a table, $1, that is like $2 and stays: what is dropped is $3, $4 and $5.
macro_rules! first_like {
    ($like:literal) => {
        concat!(
            "SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = $1::oid AND oid <> ALL ($3::oid[]) \
             AND NOT coalesce(conkey && $4::int2[], false) AND NOT (contype = 'n' AND conkey && $5::int2[]) AND ",
            $like,
            " ORDER BY conname LIMIT 1"
        )
    };
}

/// A constraint that says what another one would say: its name, quoted. `definition` as `pg_get_constraintdef` writes it,
/// without NOT VALID; compared are valid constraints that stay.
pub fn same_as(relation: u32, definition: &str, dropped: &Dropped) -> Result<Option<String>> {
    first(first_like!("convalidated AND pg_get_constraintdef(oid) = $2"), relation, definition, dropped)
}

/// Those of some tables that have constraints that are NOT VALID.
pub fn with_unvalidated(tables: &[u32]) -> Result<Vec<u32>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT conrelid FROM pg_constraint WHERE conrelid = ANY ($1::oid[]) AND NOT convalidated";
        Ok(query_planned(sql, &[Some(&oid_array(tables))])?.iter().filter_map(|r| r.number(0)).collect())
    })
}

/// A constraint that says what another one would say, but is NOT VALID: its name, quoted. `definition` is compared as in
/// [`same_as`], with NO INHERIT and DEFERRABLE.
pub fn unvalidated(relation: u32, definition: &str, dropped: &Dropped) -> Result<Option<String>> {
    let sql = first_like!("NOT convalidated AND pg_get_constraintdef(oid) = $2 || ' NOT VALID'");
    first(sql, relation, definition, dropped)
}

fn first(sql: &'static str, relation: u32, definition: &str, dropped: &Dropped) -> Result<Option<String>> {
    // Postgres locks the table to write a CHECK down.
    let Some(_open) = Peek::open(relation.into()) else { return Ok(None) };
    let (relation, [constraints, columns, not_null]) = (relation.to_string(), dropped.parameters());
    let parameters = [Some(relation.as_str()), Some(definition), Some(&constraints), Some(&columns), Some(&not_null)];
    as_owner(|| Ok(query_planned(sql, &parameters)?.first().and_then(|r| r.text(0))))
}

/// A valid unique index over exactly these columns, in any order, that no constraint owns: qualified and quoted.
pub fn unique_index_on(relation: u32, columns: &[i16]) -> Result<Option<String>> {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    let list: Vec<String> = columns.iter().map(i16::to_string).collect();
    as_owner(|| {
        let sql = "SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = $1::oid AND i.indisunique \
                   AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts \
                   AND ARRAY(SELECT k FROM unnest(i.indkey::int2[]) k ORDER BY k) = $2::int2[] \
                   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u')) \
                   ORDER BY 1 LIMIT 1";
        let array = format!("{{{}}}", list.join(","));
        Ok(query_planned(sql, &[Some(&relation.to_string()), Some(&array)])?.first().and_then(|r| r.text(0)))
    })
}

/// Whether a table has foreign keys of its own, or is referenced by some.
pub fn has_foreign_keys(relation: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND (conrelid = $1::oid OR confrelid = $1::oid))";
        Ok(query_planned(sql, &[Some(&relation.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// The tables that foreign keys of these tables reference and that are not among them: oid, and qualified and quoted name;
/// with the statement that drops the foreign key.
pub fn references_of(tables: &[u32]) -> Result<Vec<(u32, String, String)>> {
    let list = oid_array(tables);
    as_owner(|| {
        let sql = "SELECT confrelid, confrelid::regclass, format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) \
                   FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::oid[]) AND confrelid <> ALL ($1::oid[]) \
                   AND conparentid = 0 ORDER BY conrelid, conname";
        Ok(query_planned(sql, &[Some(&list)])?
            .iter()
            .map(|r| (r.number(0).unwrap_or(0), r.required(1), r.required(2)))
            .collect())
    })
}

/// Whether a valid index without a condition begins with these columns, in any order.
pub fn is_indexed(relation: u32, columns: &[i16]) -> Result<bool> {
    let list: Vec<String> = columns.iter().map(i16::to_string).collect();
    let array = format!("{{{}}}", list.join(","));
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::oid AND indisvalid AND indpred IS NULL \
                   AND (indkey::int2[])[0:cardinality($2::int2[]) - 1] @> $2::int2[])";
        Ok(query_planned(sql, &[Some(&relation.to_string()), Some(&array)])?.first().is_some_and(|r| r.boolean(0)))
    })
}
