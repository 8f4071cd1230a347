//! `migrator.policy`: what rules do other than by default, and where.

use crate::error::Result;
use crate::pg::spi::{query, query_planned, query_under_latest};
use crate::pg::user::{as_owner, current_role};
use crate::pg::{invalidation, relation};

/// A policy that applies to a relation and the current user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    pub id: i32,
    pub rule: String,
    /// `error`, `warning`, `off`, or `default` for one that only sets thresholds.
    pub action: String,
    pub threshold_rows: Option<u64>,
    pub threshold_bytes: Option<u64>,
}

/// Whether there may be policies: most databases have none, and nothing is cheaper to know.
pub fn may_exist() -> bool {
    relation::named("migrator", "policy").is_some_and(relation::has_pages)
}

/// The policies that apply, the most specific first: of the table, of what it is a partition of, of the schema; each first
/// for the role, then for everybody. One for a role applies to the current user when that is the role or has its rights;
/// superusers have all rights, so they are meant only by name.
pub fn in_force(relation: Option<u32>, schema: Option<&str>) -> Result<Vec<InForce>> {
    let role = current_role();
    as_owner(|| {
        let sql = "SELECT p.id, p.rule, p.action, p.threshold_rows, p.threshold_bytes FROM migrator.policy p \
                   LEFT JOIN pg_partition_ancestors($1::oid::regclass) WITH ORDINALITY a(relid, depth) \
                   ON a.relid = p.relation \
                   WHERE (p.until IS NULL OR p.until > clock_timestamp()) \
                   AND (p.relation IS NULL OR p.relation = $1::oid OR a.relid IS NOT NULL) \
                   AND (p.schema_name IS NULL OR p.schema_name = $2::name) \
                   AND (p.role_name IS NULL OR p.role_name = $3::name OR EXISTS ( \
                        SELECT FROM pg_roles me JOIN pg_roles r ON r.rolname = p.role_name \
                        WHERE me.rolname = $3::name AND NOT me.rolsuper AND pg_has_role(me.oid, r.oid, 'USAGE'))) \
                   ORDER BY p.relation IS NULL, p.relation <> $1::oid, a.depth, p.schema_name IS NULL, \
                   p.role_name IS NULL, p.role_name <> $3::name, p.id";
        let relation = relation.map(|oid| oid.to_string());
        let rows = query_planned(sql, &[relation.as_deref(), schema, Some(&role)])?;
        Ok(rows
            .iter()
            .map(|r| InForce {
                id: r.number(0).unwrap_or(0),
                rule: r.required(1),
                action: r.required(2),
                threshold_rows: r.number(3),
                threshold_bytes: r.number(4),
            })
            .collect())
    })
}

/// What policies ask about rows that clients change by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByHandRules {
    /// Whether there has to be a WHERE.
    pub without_where: bool,
    /// The smallest number of rows that a policy says are too many.
    pub from_rows: Option<u64>,
    /// Whether one leaves that to `migrator.large_table_rows`.
    pub from_large: bool,
}

/// What they ask, whatever table, schema or role they are for. `without_where` and `many_rows` are rules.
pub fn by_hand(without_where: &[&str], many_rows: &str) -> Result<ByHandRules> {
    as_owner(|| {
        let sql = "SELECT coalesce(bool_or(rule <> $2), false), min(threshold_rows) FILTER (WHERE rule = $2), \
                   coalesce(bool_or(rule = $2 AND threshold_rows IS NULL), false) \
                   FROM migrator.policy WHERE rule = ANY (string_to_array($1, ',') || $2) \
                   AND action IN ('error', 'warning')";
        let rows = query_under_latest(sql, &[Some(&without_where.join(",")), Some(many_rows)])?;
        Ok(rows.first().map_or_else(ByHandRules::default, |r| ByHandRules {
            without_where: r.boolean(0),
            from_rows: r.number(1),
            from_large: r.boolean(2),
        }))
    })
}

/// Tells every session that policies have changed.
fn announce() -> Result<()> {
    let rows = query_planned("SELECT 'migrator.policy'::regclass::oid", &[])?;
    if let Some(table) = rows.first().and_then(|r| r.number(0)) {
        invalidation::announce(table);
    }
    Ok(())
}

/// A policy to be set. Relation, schema and role say where; none of them: everywhere in the database.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub rule: String,
    pub action: String,
    pub relation: Option<u32>,
    pub schema: Option<u32>,
    pub role: Option<u32>,
    pub threshold_rows: Option<i64>,
    /// As people write sizes: `1GB`.
    pub threshold_size: Option<String>,
    /// The same in bytes.
    pub threshold_bytes: Option<i64>,
    /// Microseconds since 2000; `i64::MAX` is for ever.
    pub until: Option<i64>,
    pub reason: Option<String>,
}

impl Policy {
    fn place(&self) -> [Option<String>; 3] {
        [self.relation, self.schema, self.role].map(|oid| oid.map(|oid| oid.to_string()))
    }
}

/// Whether a moment (as in [`Policy::until`]) is over.
pub fn is_past(until: i64) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => $1::numeric / 1000000) \
                   <= clock_timestamp()";
        Ok(query(sql, &[Some(&until.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// A size as people write it, in bytes.
pub fn bytes(size: &str) -> Result<i64> {
    as_owner(|| Ok(query("SELECT pg_size_bytes($1)", &[Some(size)])?.first().and_then(|r| r.number(0)).unwrap_or(0)))
}

/// Stores a policy in the place of the one with the same rule and place; true when there was one.
pub fn store(policy: &Policy) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "INSERT INTO migrator.policy (rule, action, relation, schema_name, role_name, threshold_rows, \
                   threshold_bytes, until, reason, set_by) \
                   VALUES ($1, $2, $3::oid::regclass, (SELECT nspname FROM pg_namespace WHERE oid = $4::oid), \
                   pg_get_userbyid($5::oid), $6::bigint, $7::bigint, \
                   timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => $8::numeric / 1000000), $9, $10) \
                   ON CONFLICT (rule, relation, schema_name, role_name) DO UPDATE SET action = excluded.action, \
                   threshold_rows = excluded.threshold_rows, threshold_bytes = excluded.threshold_bytes, \
                   until = excluded.until, reason = excluded.reason, set_at = clock_timestamp(), \
                   set_by = excluded.set_by RETURNING xmax <> 0";
        let [relation, schema, for_role] = policy.place();
        let rows = policy.threshold_rows.map(|n| n.to_string());
        let bytes = policy.threshold_bytes.map(|n| n.to_string());
        let until = policy.until.map(|n| n.to_string());
        let stored = query(
            sql,
            &[
                Some(&policy.rule),
                Some(&policy.action),
                relation.as_deref(),
                schema.as_deref(),
                for_role.as_deref(),
                rows.as_deref(),
                bytes.as_deref(),
                until.as_deref(),
                policy.reason.as_deref(),
                Some(&role),
            ],
        )?;
        announce()?;
        Ok(stored.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Removes the policy with this rule and place; false when there is none.
pub fn remove(policy: &Policy) -> Result<bool> {
    as_owner(|| {
        let sql = "DELETE FROM migrator.policy WHERE rule = $1 AND relation IS NOT DISTINCT FROM $2::oid::regclass \
                   AND schema_name IS NOT DISTINCT FROM (SELECT nspname FROM pg_namespace WHERE oid = $3::oid) \
                   AND role_name IS NOT DISTINCT FROM pg_get_userbyid($4::oid)";
        let [relation, schema, role] = policy.place();
        let rows = query(sql, &[Some(&policy.rule), relation.as_deref(), schema.as_deref(), role.as_deref()])?;
        announce()?;
        Ok(rows.processed > 0)
    })
}
