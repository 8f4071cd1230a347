//! Whose what a recipe makes is to be. Whoever types a hint is often not the owner of what the hint is about: a superuser, or
//! a member of the owning role.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::{as_owner, current_role};

/// An owner that is not the current user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Quoted.
    pub role: String,
    /// The current user may give to that role what is made in the schema.
    pub can_be_given: bool,
}

impl Owner {
    /// The statement that gives a new view or sequence to it; without the right to do that, all rights on it.
    pub fn given(&self, kind: &str, name: &str) -> String {
        let role = &self.role;
        match (self.can_be_given, kind) {
            (true, _) => format!("ALTER {kind} {name} OWNER TO {role};"),
            (false, "SEQUENCE") => format!("GRANT ALL ON SEQUENCE {name} TO {role};"),
            (false, _) => format!("GRANT ALL ON {name} TO {role};"),
        }
    }
}

/// The owner of a relation who is to own what is made beside it; `None` where that is the current user.
pub fn of_relation(relation: u32) -> Result<Option<Owner>> {
    owner("relation", relation)
}

/// The owner of a schema who is to own what takes its name; `None` where that is the current user.
pub fn of_schema(schema: u32) -> Result<Option<Owner>> {
    owner("schema", schema)
}

fn owner(kind: &str, oid: u32) -> Result<Option<Owner>> {
    let user = current_role();
    as_owner(|| {
        // What ALTER ... OWNER TO asks for of anybody but a superuser.
        let sql = "SELECT quote_ident(o.rolname), u.rolsuper OR (has_schema_privilege(o.oid, owned.schema, 'CREATE') \
                     AND pg_has_role(u.oid, o.oid, CASE WHEN current_setting('server_version_num')::int >= 160000 \
                     THEN 'SET' ELSE 'MEMBER' END)) \
                   FROM (SELECT relowner, relnamespace FROM pg_class WHERE $3::text = 'relation' AND oid = $1::oid \
                     UNION ALL \
                     SELECT nspowner, oid FROM pg_namespace WHERE $3::text = 'schema' AND oid = $1::oid) \
                   AS owned(role, schema) JOIN pg_roles o ON o.oid = owned.role JOIN pg_roles u ON u.rolname = $2::name \
                   WHERE o.oid <> u.oid";
        let rows = query_planned(sql, &[Some(&oid.to_string()), Some(&user), Some(kind)])?;
        Ok(rows.first().map(|r| Owner { role: r.required(0), can_be_given: r.boolean(1) }))
    })
}

/// Who, beside the owner, may insert into one of these tables, or into some of their columns: quoted.
pub fn inserters(table: u32, leaves: &[u32]) -> Result<Vec<String>> {
    let list = oid_array(&[&[table], leaves].concat());
    as_owner(|| {
        let sql = "WITH acl(entry) AS ( \
                     SELECT aclexplode(relacl) FROM pg_class WHERE oid = ANY ($1::oid[]) \
                     UNION ALL \
                     SELECT aclexplode(attacl) FROM pg_attribute WHERE attrelid = ANY ($1::oid[]) AND attnum > 0) \
                   SELECT DISTINCT CASE (entry).grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END \
                   FROM acl LEFT JOIN pg_roles r ON r.oid = (entry).grantee \
                   WHERE (entry).privilege_type = 'INSERT' AND ((entry).grantee = 0 OR r.oid IS NOT NULL) \
                   AND (entry).grantee <> (SELECT relowner FROM pg_class WHERE oid = $2::oid) ORDER BY 1";
        Ok(query_planned(sql, &[Some(&list), Some(&table.to_string())])?.iter().map(|r| r.required(0)).collect())
    })
}
