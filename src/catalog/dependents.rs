//! What goes when an object is dropped: pg_depend, walked as Postgres walks it.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::as_owner;

/// An object that goes with another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependent {
    pub oid: u32,
    /// `table`, `view`, `materialized view`, `foreign key`, `function`, `column` and so on.
    pub kind: String,
    /// As Postgres describes it, with schemas: `constraint orders_user_id_fkey on table public.orders`.
    pub description: String,
    /// Its own name, or that of the column: quoted; qualified unless it is a part of a table.
    pub name: String,
    /// The table it is a part of, qualified and quoted.
    pub table: Option<String>,
    /// It goes only with CASCADE.
    pub cascade: bool,
}

/// pg_class.oid of pg_class and of pg_constraint.
pub const RELATIONS: u32 = 1259;
pub const CONSTRAINTS: u32 = 2606;

/// One object by pg_class.oid of its catalogue, its oid, and for a column its number.
pub type Address = (u32, u32, i32);

/// A dependency counts downwards; an internal one also upwards, because a part drags its whole along (a view its rule).
/// What is in a schema goes with it, as if it were named.
const WALK: &str = "WITH RECURSIVE gone(classid, objid, objsubid, cascade) AS ( \
     SELECT c, o, s, false FROM unnest($1::oid[], $2::oid[], $3::int[]) AS start(c, o, s) \
     UNION \
     SELECT e.* FROM gone g CROSS JOIN LATERAL ( \
       SELECT d.classid, d.objid, d.objsubid, \
         g.cascade OR (d.deptype = 'n' AND g.classid <> 'pg_namespace'::regclass) FROM pg_depend d \
       WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid) \
       UNION ALL \
       SELECT d.refclassid, d.refobjid, d.refobjsubid, g.cascade FROM pg_depend d \
       WHERE d.classid = g.classid AND d.objid = g.objid AND (g.objsubid = 0 OR d.objsubid = g.objsubid) \
       AND d.deptype = 'i' \
     ) e(classid, objid, objsubid, cascade)), \
     objects AS MATERIALIZED (SELECT classid, objid, objsubid, bool_and(cascade) AS cascade FROM gone GROUP BY 1, 2, 3)";

/// Everything that goes with these objects and is worth a name: parts of tables that go too are left out, as is what is in
/// schemas that go. What needs CASCADE comes first.
pub fn of(objects: &[Address]) -> Result<Vec<Dependent>> {
    list(objects, true)
}

/// What goes with them only with CASCADE.
pub fn victims(objects: &[Address]) -> Result<Vec<Dependent>> {
    list(objects, false)
}

/// Whether Postgres refuses to drop them without CASCADE.
pub fn are_needed(objects: &[Address]) -> Result<bool> {
    let [classes, oids, subs] = arrays(objects);
    as_owner(|| {
        // A column goes with its table, whatever else it depends on.
        let sql = format!(
            "{WALK} SELECT EXISTS (SELECT FROM objects o WHERE cascade AND NOT EXISTS (SELECT FROM objects w \
               WHERE o.objsubid <> 0 AND w.classid = o.classid AND w.objid = o.objid AND w.objsubid = 0 AND NOT w.cascade))"
        );
        Ok(query(&sql, &[Some(&classes), Some(&oids), Some(&subs)])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Classes, oids and sub-objects, each as an array in text.
fn arrays(objects: &[Address]) -> [String; 3] {
    let subs = objects.iter().map(|o| o.2.to_string()).collect::<Vec<_>>().join(",");
    [
        oid_array(&objects.iter().map(|o| o.0).collect::<Vec<_>>()),
        oid_array(&objects.iter().map(|o| o.1).collect::<Vec<_>>()),
        format!("{{{subs}}}"),
    ]
}

fn list(objects: &[Address], all: bool) -> Result<Vec<Dependent>> {
    let [classes, oids, subs] = arrays(objects);
    as_owner(|| {
        let sql = format!(
            "{WALK}, shown AS MATERIALIZED (SELECT * FROM objects o WHERE (cascade OR $4::bool) \
               AND (classid, objid, objsubid) NOT IN (SELECT c, o, s FROM unnest($1::oid[], $2::oid[], $3::int[]) l(c, o, s))) \
             SELECT o.objid, w.kind, pg_describe_object(o.classid, o.objid, o.objsubid), w.name, \
             CASE WHEN w.part <> 0 THEN w.part::regclass::text END, o.cascade \
             FROM shown o CROSS JOIN LATERAL ({KINDS}) w(kind, name, part, namespace) \
             WHERE w.part NOT IN (SELECT objid FROM objects WHERE classid = 'pg_class'::regclass AND objsubid = 0) \
             AND w.namespace NOT IN (SELECT unnest($2::oid[])) \
             ORDER BY o.cascade DESC, o.objid, o.objsubid"
        );
        let all = all.to_string();
        Ok(query(&sql, &[Some(&classes), Some(&oids), Some(&subs), Some(&all)])?
            .iter()
            .map(|r| Dependent {
                oid: r.number(0).unwrap_or(0),
                kind: r.required(1),
                description: r.required(2),
                name: r.required(3),
                table: r.text(4),
                cascade: r.boolean(5),
            })
            .collect())
    })
}

/// Kind, name, the table it is a part of, and its schema. Nothing for what nobody knows by name: row types, array types,
/// TOAST, the triggers of foreign keys, the rules of views, indexes of constraints, defaults that go with their column.
const KINDS: &str = "\
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' \
      WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END, \
      format('%I.%I', n.nspname, c.relname), coalesce(i.indrelid, owner.refobjid, 0), c.relnamespace \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid \
    LEFT JOIN pg_depend owner ON c.relkind = 'S' AND owner.classid = 'pg_class'::regclass AND owner.objid = c.oid \
      AND owner.refclassid = 'pg_class'::regclass AND owner.deptype IN ('a', 'i') \
    WHERE o.classid = 'pg_class'::regclass AND c.oid = o.objid AND o.objsubid = 0 AND c.relkind <> 't' \
    AND n.nspname <> 'pg_toast' \
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')) \
    UNION ALL \
    SELECT 'column', quote_ident(a.attname), a.attrelid, 0 FROM pg_attribute a \
    WHERE o.classid = 'pg_class'::regclass AND a.attrelid = o.objid AND a.attnum = o.objsubid AND o.objsubid > 0 \
    UNION ALL \
    SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, quote_ident(k.conname), k.conrelid, \
      k.connamespace FROM pg_constraint k \
    WHERE o.classid = 'pg_constraint'::regclass AND k.oid = o.objid AND k.conrelid <> 0 \
    UNION ALL \
    SELECT 'function', p.oid::regprocedure::text, 0, p.pronamespace FROM pg_proc p \
    WHERE o.classid = 'pg_proc'::regclass AND p.oid = o.objid \
    UNION ALL \
    SELECT CASE y.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, format('%I.%I', n.nspname, y.typname), 0, y.typnamespace \
    FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace \
    WHERE o.classid = 'pg_type'::regclass AND y.oid = o.objid AND y.typrelid = 0 AND y.typcategory <> 'A' \
    AND y.typtype <> 'm' \
    UNION ALL \
    SELECT 'trigger', quote_ident(t.tgname), t.tgrelid, 0 FROM pg_trigger t \
    WHERE o.classid = 'pg_trigger'::regclass AND t.oid = o.objid AND NOT t.tgisinternal AND t.tgparentid = 0 \
    UNION ALL \
    SELECT 'policy', quote_ident(p.polname), p.polrelid, 0 FROM pg_policy p \
    WHERE o.classid = 'pg_policy'::regclass AND p.oid = o.objid \
    UNION ALL \
    SELECT 'rule', quote_ident(r.rulename), r.ev_class, 0 FROM pg_rewrite r \
    WHERE o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid AND r.rulename <> '_RETURN' \
    UNION ALL \
    SELECT 'statistics', format('%I.%I', n.nspname, x.stxname), x.stxrelid, x.stxnamespace \
    FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace \
    WHERE o.classid = 'pg_statistic_ext'::regclass AND x.oid = o.objid \
    UNION ALL \
    SELECT 'default', quote_ident(a.attname), d.adrelid, 0 FROM pg_attrdef d \
    JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
    WHERE o.classid = 'pg_attrdef'::regclass AND d.oid = o.objid AND o.cascade \
    UNION ALL \
    SELECT 'publication', quote_ident(p.pubname), r.prrelid, 0 FROM pg_publication_rel r \
    JOIN pg_publication p ON p.oid = r.prpubid WHERE o.classid = 'pg_publication_rel'::regclass AND r.oid = o.objid";

/// Objects that make Postgres refuse ALTER COLUMN TYPE, as it describes them: views and rules, triggers, policies,
/// functions with a SQL body, generated columns, row filters of publications, the partition key.
pub fn against_new_type(table: u32, column: i16) -> Result<Vec<Dependent>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT coalesce(v.oid, d.objid), \
                   CASE WHEN v.oid IS NOT NULL AND r.rulename = '_RETURN' THEN \
                     CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END \
                     ELSE d.classid::regclass::text END, \
                   CASE WHEN v.oid IS NOT NULL AND r.rulename = '_RETURN' \
                     THEN pg_describe_object('pg_class'::regclass, v.oid, 0) \
                     WHEN g.attnum IS NOT NULL THEN pg_describe_object('pg_class'::regclass, g.attrelid, g.attnum) \
                     ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END, \
                   CASE WHEN v.oid IS NOT NULL THEN v.oid::regclass::text ELSE '' END \
                   FROM pg_depend d \
                   LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid \
                   LEFT JOIN pg_class v ON v.oid = r.ev_class \
                   LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid \
                   LEFT JOIN pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum AND g.attgenerated <> '' \
                     AND NOT (g.attrelid = $1::oid AND g.attnum = $2::int) \
                   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid AND d.refobjsubid = $2::int \
                   AND (d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass, \
                     'pg_proc'::regclass, 'pg_publication_rel'::regclass) OR g.attnum IS NOT NULL) \
                   ORDER BY 1";
        let parameters = [table.to_string(), column.to_string()];
        Ok(query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?
            .iter()
            .map(|r| Dependent {
                oid: r.number(0).unwrap_or(0),
                kind: r.required(1),
                description: r.required(2),
                name: r.required(3),
                table: None,
                cascade: true,
            })
            .collect())
    })
}
