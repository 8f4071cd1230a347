//! What hangs on columns that are replaced by new ones of another type: what has to be made again, and what no recipe can
//! make again.

use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// A column that is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Old {
    pub number: i16,
    pub not_null: bool,
    /// Its not-null constraint, quoted: from 18.
    pub not_null_name: Option<String>,
    pub default: Option<String>,
    pub comment: Option<String>,
    /// The sequence of a serial column, qualified and quoted; and whether it ends before bigint does.
    pub serial: Option<(String, bool)>,
    pub identity: Option<Identity>,
}

/// The identity of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub always: bool,
    /// Its sequence, qualified and quoted; and quoted.
    pub sequence: String,
    pub bare: String,
    /// Options that are not those that every sequence of the type has, such as ` START WITH 10`.
    pub options: String,
    /// GRANT statements, for a sequence of that name.
    pub grants: Vec<String>,
}

/// An index that is made again over the new columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// As in pg_class, quoted, and qualified and quoted.
    pub name: String,
    pub bare: String,
    pub quoted: String,
    pub unique: bool,
    pub valid: bool,
    /// What stands behind the table's name, but for the keys: method before, the rest after them.
    pub method: String,
    pub rest: String,
    /// Its keys, and what it includes: number and text of a column, with what stands behind the column's name.
    pub keys: Vec<(i16, String, String)>,
    pub included: Vec<(i16, String, String)>,
    /// `PRIMARY KEY` or `UNIQUE`, and its DEFERRABLE with a blank before it, where a constraint owns it.
    pub constraint: Option<(String, String)>,
    pub comment: Option<String>,
}

/// A constraint that is made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    pub quoted: String,
    /// Qualified and quoted.
    pub table: String,
    /// Without NOT VALID.
    pub definition: String,
    pub validated: bool,
    /// A foreign key that references the columns, so that it has to go before they do.
    pub references: bool,
    pub comment: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub columns: Vec<Old>,
    pub indexes: Vec<Index>,
    pub constraints: Vec<Constraint>,
}

/// What stands in the way of a recipe, in words. `columns` are numbers and the types that they are to get; `ours` is the
/// trigger that keeps new columns in step already.
pub fn obstacles(table: u32, columns: &[(i16, String)], ours: Option<&str>) -> Result<Vec<String>> {
    let (numbers, types) = arrays(columns);
    as_owner(|| {
        let rows = query_planned(OBSTACLES, &[Some(&table.to_string()), Some(&numbers), Some(&types), ours])?;
        Ok(rows.iter().map(|row| row.required(0)).collect())
    })
}

const OBSTACLES: &str = "WITH t AS (SELECT * FROM pg_class WHERE oid = $1::oid), \
      c AS (SELECT a.*, n.target FROM unnest($2::int2[], $3::text[]) n(number, target) \
            JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = n.number), \
      i AS (SELECT x.*, format('index %s', x.indexrelid::regclass) AS called FROM pg_index x \
            WHERE x.indrelid = $1::oid AND x.indkey::int2[] && $2::int2[]) \
    SELECT DISTINCT what FROM ( \
      SELECT 'its partitions' AS what FROM t WHERE relkind = 'p' \
      UNION ALL SELECT 'the partitioned table' FROM t WHERE relispartition \
      UNION ALL SELECT 'the type of which the table is' FROM t WHERE reloftype <> 0 \
      UNION ALL SELECT 'inheritance' FROM t WHERE relkind = 'r' AND NOT relispartition \
        AND EXISTS (SELECT FROM pg_inherits WHERE $1::oid IN (inhrelid, inhparent)) \
      UNION ALL SELECT format('trigger %I', tgname) FROM pg_trigger \
        WHERE tgrelid = $1::oid AND NOT tgisinternal AND tgname IS DISTINCT FROM $4 AND (tgtype & 16 <> 0 OR tgtype & 3 = 3) \
      UNION ALL SELECT format('the expression of column %I', attname) FROM c WHERE attgenerated <> '' \
      UNION ALL SELECT format('the rights on column %I', attname) FROM c WHERE attacl IS NOT NULL \
      UNION ALL SELECT format('the settings of column %I', attname) FROM c WHERE coalesce(attstattarget, -1) >= 0 \
        OR EXISTS (SELECT FROM unnest(attoptions) o WHERE o NOT LIKE 'pg_attver=%') \
      UNION ALL SELECT format('the cast from %s to %s, which depends on settings or is missing', format_type(atttypid, NULL), target) \
        FROM c WHERE to_regtype(target) IS DISTINCT FROM atttypid AND NOT EXISTS (SELECT FROM pg_cast p \
          LEFT JOIN pg_proc f ON f.oid = p.castfunc WHERE castsource = atttypid AND casttarget = to_regtype(target) \
          AND castcontext IN ('i', 'a') AND castmethod <> 'i' AND (castfunc = 0 OR f.provolatile = 'i')) \
      UNION ALL SELECT called FROM i JOIN pg_class x ON x.oid = indexrelid JOIN pg_am m ON m.oid = x.relam \
        WHERE indexprs IS NOT NULL OR indpred IS NOT NULL OR NOT indisvalid OR indisexclusion OR indisclustered \
        OR indisreplident OR x.relispartition \
        OR (m.amname <> 'btree' AND EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')) \
        OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = indexrelid AND attoptions IS NOT NULL) \
        OR EXISTS (SELECT FROM c JOIN unnest(indkey::int2[], indclass::oid[], indcollation::oid[]) k(number, class, colid) \
          ON k.number = c.attnum LEFT JOIN pg_opclass o ON o.oid = k.class \
          WHERE NOT coalesce(o.opcdefault, true) OR coalesce(k.colid, 0) NOT IN (0, c.attcollation)) \
      UNION ALL SELECT format('foreign key %I of %s', conname, conrelid::regclass) FROM pg_constraint k \
        JOIN pg_class r ON r.oid = conrelid WHERE contype = 'f' \
        AND ((conrelid = $1::oid AND conkey && $2::int2[]) OR (confrelid = $1::oid AND confkey && $2::int2[])) \
        AND (conparentid <> 0 OR r.relkind = 'p') \
      UNION ALL SELECT format('constraint %I', conname) FROM pg_constraint WHERE conrelid = $1::oid \
        AND conkey && $2::int2[] AND (contype = 'x' OR NOT conislocal OR pg_get_constraintdef(oid) LIKE '%NOT ENFORCED%') \
      UNION ALL SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend d \
        WHERE refclassid = 'pg_class'::regclass AND refobjid = $1::oid AND refobjsubid = ANY ($2::int2[]) \
        AND deptype <> 'i' AND classid <> 'pg_constraint'::regclass \
        AND NOT (classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class o WHERE o.oid = objid AND relkind = 'S')) \
        AND NOT (classid = 'pg_class'::regclass AND objid IN (SELECT indexrelid FROM i)) \
        AND NOT (classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = objid AND adnum = refobjsubid)) \
    ) o ORDER BY what";

/// What is to be made again; `None` where another session has the table locked, so that it cannot be written down.
pub fn facts(table: u32, columns: &[(i16, String)]) -> Result<Option<Facts>> {
    let Some(_open) = Peek::open(table.into()) else { return Ok(None) };
    let (table, (numbers, _)) = (table.to_string(), arrays(columns));
    as_owner(|| {
        Ok(Some(Facts {
            columns: old(&table, &numbers)?,
            indexes: indexes(&table, &numbers)?,
            constraints: constraints(&table, &numbers)?,
        }))
    })
}

fn old(table: &str, numbers: &str) -> Result<Vec<Old>> {
    // A sequence of a column's type that is as every other one has no options.
    let sql = "SELECT a.attnum, a.attnotnull, \
         (SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = attrelid AND contype = 'n' AND conkey = ARRAY[attnum]), \
         pg_get_expr(d.adbin, d.adrelid), col_description(attrelid, attnum), \
         o.seqrelid::regclass, format_type(o.seqtypid, NULL) <> 'bigint', \
         attidentity = 'a', i.seqrelid::regclass, quote_ident((SELECT relname FROM pg_class WHERE oid = i.seqrelid)), \
         concat(' START WITH ' || i.seqstart, ' INCREMENT BY ' || i.seqincrement, \
           CASE WHEN i.seqmin <> CASE WHEN i.seqincrement > 0 THEN 1 ELSE m.low END THEN ' MINVALUE ' || i.seqmin END, \
           CASE WHEN i.seqmax <> CASE WHEN i.seqincrement > 0 THEN m.high ELSE -1 END THEN ' MAXVALUE ' || i.seqmax END, \
           ' CACHE ' || i.seqcache, CASE WHEN i.seqcycle THEN ' CYCLE' END), \
         (SELECT string_agg(format('GRANT %s ON SEQUENCE %s TO %s%s;', privilege_type, i.seqrelid::regclass, \
             CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, \
             CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END), chr(10) ORDER BY grantee, privilege_type) \
           FROM pg_class s, aclexplode(s.relacl) WHERE s.oid = i.seqrelid AND grantee <> s.relowner) \
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum \
       LEFT JOIN LATERAL (SELECT s.* FROM pg_depend x JOIN pg_sequence s ON s.seqrelid = x.objid \
         WHERE x.classid = 'pg_class'::regclass AND x.refclassid = 'pg_class'::regclass AND x.refobjid = attrelid \
         AND x.refobjsubid = attnum AND x.deptype = 'a' ORDER BY 1 LIMIT 1) o ON true \
       LEFT JOIN LATERAL (SELECT s.* FROM pg_depend x JOIN pg_sequence s ON s.seqrelid = x.objid \
         WHERE x.classid = 'pg_class'::regclass AND x.refclassid = 'pg_class'::regclass AND x.refobjid = attrelid \
         AND x.refobjsubid = attnum AND x.deptype = 'i') i ON true \
       LEFT JOIN LATERAL (SELECT -(2::numeric ^ (8 * typlen - 1)) AS low, 2::numeric ^ (8 * typlen - 1) - 1 AS high \
         FROM pg_type WHERE oid = i.seqtypid) m ON true \
       WHERE a.attrelid = $1::oid AND a.attnum = ANY ($2::int2[]) ORDER BY a.attnum";
    Ok(query_planned(sql, &[Some(table), Some(numbers)])?
        .iter()
        .map(|r| Old {
            number: r.number(0).unwrap_or(0),
            not_null: r.boolean(1),
            not_null_name: r.text(2),
            default: r.text(3),
            comment: r.text(4),
            serial: r.text(5).map(|sequence| (sequence, r.boolean(6))),
            identity: r.text(8).map(|sequence| Identity {
                always: r.boolean(7),
                sequence,
                bare: r.required(9),
                options: r.required(10),
                grants: r.text(11).map(|all| all.lines().map(str::to_owned).collect()).unwrap_or_default(),
            }),
        })
        .collect())
}

pub(super) fn indexes(table: &str, numbers: &str) -> Result<Vec<Index>> {
    let sql = "SELECT c.oid, c.relname, quote_ident(c.relname), c.oid::regclass, i.indisunique, m.amname, \
         concat(CASE WHEN i.indnullsnotdistinct THEN ' NULLS NOT DISTINCT' END, \
           ' WITH (' || (SELECT string_agg(format('%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') \
             FROM unnest(c.reloptions) o) || ')', \
           ' TABLESPACE ' || (SELECT quote_ident(spcname) FROM pg_tablespace WHERE oid = c.reltablespace)), \
         CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END, \
         CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END, \
         coalesce(obj_description(k.oid, 'pg_constraint'), obj_description(c.oid, 'pg_class')), i.indisvalid \
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam \
       LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u') \
       WHERE i.indrelid = $1::oid AND i.indkey::int2[] && $2::int2[] ORDER BY c.relname";
    let mut indexes = Vec::new();
    for r in query_planned(sql, &[Some(table), Some(numbers)])?.iter() {
        let (keys, included) = parts(&r.required(0))?;
        indexes.push(Index {
            name: r.required(1),
            bare: r.required(2),
            quoted: r.required(3),
            unique: r.boolean(4),
            method: r.required(5),
            rest: r.required(6),
            keys,
            included,
            constraint: r.text(7).map(|word| (word, r.required(8))),
            comment: r.text(9),
            valid: r.boolean(10),
        });
    }
    Ok(indexes)
}

/// A column of an index: its number, its name as SQL, and what stands behind that.
type Part = (i16, String, String);

/// The keys of an index, and what it includes.
fn parts(index: &str) -> Result<(Vec<Part>, Vec<Part>)> {
    let sql = "SELECT k.number, pg_get_indexdef(i.indexrelid, k.place::int, true), k.place <= i.indnkeyatts, \
         concat(CASE WHEN k.colid <> a.attcollation THEN ' COLLATE ' || k.colid::regcollation END, \
           CASE WHEN NOT o.opcdefault THEN format(' %I.%I', n.nspname, o.opcname) END, \
           CASE WHEN k.sorting & 1 = 1 THEN ' DESC' END, \
           CASE k.sorting WHEN 1 THEN ' NULLS LAST' WHEN 2 THEN ' NULLS FIRST' END) \
       FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[]) \
         WITH ORDINALITY k(number, class, colid, sorting, place) \
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
       LEFT JOIN pg_opclass o ON o.oid = k.class LEFT JOIN pg_namespace n ON n.oid = o.opcnamespace \
       WHERE i.indexrelid = $1::oid ORDER BY k.place";
    let (mut keys, mut included) = (Vec::new(), Vec::new());
    for r in query_planned(sql, &[Some(index)])?.iter() {
        let list = if r.boolean(2) { &mut keys } else { &mut included };
        list.push((r.number(0).unwrap_or(0), r.required(1), r.text(3).unwrap_or_default()));
    }
    Ok((keys, included))
}

fn constraints(table: &str, numbers: &str) -> Result<Vec<Constraint>> {
    let sql = "SELECT quote_ident(conname), conrelid::regclass, regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''), \
         convalidated, contype = 'f' AND confrelid = $1::oid AND confkey && $2::int2[] AS refers, \
         obj_description(oid, 'pg_constraint') \
       FROM pg_constraint WHERE (conrelid = $1::oid AND contype IN ('c', 'f') AND conkey && $2::int2[]) \
       OR (confrelid = $1::oid AND contype = 'f' AND confkey && $2::int2[]) ORDER BY refers, contype, conrelid, conname";
    Ok(query_planned(sql, &[Some(table), Some(numbers)])?
        .iter()
        .map(|r| Constraint {
            quoted: r.required(0),
            table: r.required(1),
            definition: r.required(2),
            validated: r.boolean(3),
            references: r.boolean(4),
            comment: r.text(5),
        })
        .collect())
}

/// Numbers and types, each as an array in text.
fn arrays(columns: &[(i16, String)]) -> (String, String) {
    let quoted = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let numbers: Vec<String> = columns.iter().map(|(number, _)| number.to_string()).collect();
    let types: Vec<String> = columns.iter().map(|(_, name)| quoted(name)).collect();
    (format!("{{{}}}", numbers.join(",")), format!("{{{}}}", types.join(",")))
}
