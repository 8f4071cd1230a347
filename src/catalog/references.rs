//! Who uses a relation, a column or a function: by foreign key, by view, or by name in a function's body.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// Who uses a relation, each as a text for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// `public.orders (orders_user_id_fkey)`.
    pub foreign_keys: Vec<String>,
    /// Views and materialized views, qualified and quoted.
    pub views: Vec<String>,
    /// Functions whose bodies name it: `public.f(integer)`.
    pub functions: Vec<String>,
}

impl References {
    pub fn is_empty(&self) -> bool {
        self.foreign_keys.is_empty() && self.views.is_empty() && self.functions.is_empty()
    }
}

/// Who uses a relation, or a column of it (by number): foreign keys of other tables, views, and functions that name it.
pub fn of(relation: u32, name: &str, column: Option<(i16, &str)>) -> Result<References> {
    let number = column.map_or(0, |c| c.0);
    let parameters = [relation.to_string(), number.to_string()];
    let mut references = as_owner(|| {
        let sql = "SELECT 'f', format('%s (%I)', conrelid::regclass, conname) FROM pg_constraint \
                   WHERE contype = 'f' AND confrelid = $1::oid AND conrelid <> $1::oid AND conparentid = 0 \
                   AND ($2::int2 = 0 OR $2::int2 = ANY (confkey)) \
                   UNION \
                   SELECT 'v', r.ev_class::regclass::text FROM pg_depend d \
                   JOIN pg_rewrite r ON r.oid = d.objid \
                   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass \
                   AND d.refobjid = $1::oid AND ($2::int = 0 OR d.refobjsubid = $2::int) AND r.ev_class <> $1::oid \
                   ORDER BY 1, 2 LIMIT 200";
        let mut references = References::default();
        for row in query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?.iter() {
            match row.required(0).as_str() {
                "f" => references.foreign_keys.push(row.required(1)),
                _ => references.views.push(row.required(1)),
            }
        }
        Ok(references)
    })?;
    references.functions = match column {
        None => functions_naming(&[name], None)?,
        Some((_, column)) => functions_naming(&[name, column], Some((relation, column)))?,
    };
    Ok(references)
}

/// Functions whose bodies are text and hold all of these words; of a trigger function on the given table, the given word
/// is enough, for it says NEW.column. Bodies that Postgres has parsed (BEGIN ATOMIC) have dependencies and are left out.
pub fn functions_naming(words: &[&str], on_table: Option<(u32, &str)>) -> Result<Vec<String>> {
    let words = serde_json::json!(words).to_string();
    let table = on_table.map_or(0, |t| t.0).to_string();
    let column = on_table.map_or("", |t| t.1);
    as_owner(|| {
        // A word ends where an identifier would; a name that has to be quoted is looked for as it is written. Nobody writes a
        // megabyte of source, but anybody can store a hundred, which no regular expression can be matched against.
        let sql = "WITH words AS (SELECT w, '(^|[^[:alnum:]_$])' || regexp_replace(w, '([^[:alnum:]_])', '\\\\\\1', 'g') \
                     || '($|[^[:alnum:]_$])' AS pattern, w ~ '^[a-z_][a-z0-9_$]*$' AS plain \
                     FROM (SELECT jsonb_array_elements_text($1::jsonb) UNION SELECT NULLIF($3, '')) AS l(w) \
                     WHERE w IS NOT NULL) \
                   SELECT DISTINCT p.oid::regprocedure::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
                   WHERE p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c') AND p.prosqlbody IS NULL \
                   AND p.pronamespace <> ALL (ARRAY(SELECT oid FROM pg_namespace WHERE nspname = 'migrator')) \
                   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid \
                     AND d.deptype = 'e') \
                   AND CASE WHEN octet_length(p.prosrc) < 1000000 THEN NOT EXISTS (SELECT FROM words WHERE CASE WHEN plain THEN p.prosrc !~* pattern \
                     ELSE p.prosrc !~ pattern END \
                     AND NOT (w <> $3 AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid \
                       AND t.tgrelid = $2::oid))) END \
                   ORDER BY 1 LIMIT 200";
        Ok(query_planned(sql, &[Some(&words), Some(&table), Some(column)])?.iter().map(|r| r.required(0)).collect())
    })
}

/// Rights on a relation that others than its owner have: privileges and grantee, to give the same on a view.
pub fn grants(relation: u32) -> Result<Vec<(String, String)>> {
    as_owner(|| {
        let sql = "SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), \
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END \
                   FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
                   WHERE c.oid = $1::oid AND a.grantee <> c.relowner \
                   AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') GROUP BY a.grantee, r.rolname ORDER BY 2";
        Ok(query_planned(sql, &[Some(&relation.to_string())])?.iter().map(|r| (r.required(0), r.required(1))).collect())
    })
}

/// Rights on a schema: grantees of USAGE.
pub fn schema_users(schema: u32) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END \
                   FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
                   WHERE n.oid = $1::oid AND a.grantee <> n.nspowner AND a.privilege_type = 'USAGE' ORDER BY 1";
        Ok(query_planned(sql, &[Some(&schema.to_string())])?.iter().map(|r| r.required(0)).collect())
    })
}

/// Tables, partitioned tables, materialized views and foreign tables of schemas that are no partitions, then views: oid,
/// bare quoted name, relkind.
pub fn relations_of(schemas: &[u32]) -> Result<Vec<(u32, String, char)>> {
    let list = oid_array(schemas);
    as_owner(|| {
        let sql = "SELECT oid, quote_ident(relname), relkind FROM pg_class WHERE relnamespace = ANY ($1::oid[]) \
                   AND relkind IN ('r', 'p', 'm', 'f', 'v') AND NOT relispartition \
                   ORDER BY relkind = 'v', relname";
        let character = |text: String| text.chars().next().unwrap_or(' ');
        Ok(query_planned(sql, &[Some(&list)])?
            .iter()
            .map(|r| (r.number(0).unwrap_or(0), r.required(1), character(r.required(2))))
            .collect())
    })
}

/// Tables and materialized views with storage in schemas.
pub fn stored_in(schemas: &[u32]) -> Result<Vec<u32>> {
    let list = oid_array(schemas);
    as_owner(|| {
        let sql = "SELECT oid FROM pg_class WHERE relnamespace = ANY ($1::oid[]) AND relkind IN ('r', 'm')";
        Ok(query_planned(sql, &[Some(&list)])?.iter().filter_map(|r| r.number(0)).collect())
    })
}

/// Whether a partitioned table has a DEFAULT partition.
pub fn has_default_partition(table: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT partdefid <> 0 FROM pg_partitioned_table WHERE partrelid = $1::oid";
        Ok(query_planned(sql, &[Some(&table.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// The tables with foreign keys to these tables, directly or through others, that are not among them: oid, and qualified and
/// quoted name.
pub fn referencing(tables: &[u32]) -> Result<Vec<(u32, String)>> {
    let list = oid_array(tables);
    as_owner(|| {
        let sql = "WITH RECURSIVE reached(oid) AS (SELECT unnest($1::oid[]) UNION \
                     SELECT k.conrelid FROM reached r JOIN pg_constraint k ON k.confrelid = r.oid AND k.contype = 'f') \
                   SELECT oid, oid::regclass FROM reached WHERE oid <> ALL ($1::oid[]) ORDER BY 2";
        Ok(query_planned(sql, &[Some(&list)])?.iter().map(|r| (r.number(0).unwrap_or(0), r.required(1))).collect())
    })
}
