//! Objects that are no relations: types, functions, schemas. Looked at in the catalogue only; no lock is taken on them.

use std::collections::HashSet;

use pgrx::pg_sys::{self, Oid};

use super::analysis::catalogue::{CLASS, DEPENDENTS_OF, Key, Row};
use super::{convert, relation, versions};
use crate::ddl::{Object, Relation};
use crate::error::Result;

/// The schema `public`, which initdb makes for users.
const PUBLIC: Oid = Oid::from_u32(2200);

/// Whether an object is the guard's business: visible to other sessions, older than this transaction, the current user's,
/// and no part of an extension (Postgres refuses to drop those itself).
pub fn is_guarded(class: Oid, oid: Oid) -> bool {
    if class == pg_sys::RelationRelationId {
        return relation::concerns_others(oid)
            && (versions::is_relation_owner(oid) || owns_schema_of(oid))
            && !is_of_extension(class, oid);
    }
    // Of what initdb makes, these can be dropped.
    let users = class == pg_sys::ExtensionRelationId || (class == pg_sys::NamespaceRelationId && oid == PUBLIC);
    let system = oid.to_u32() < pg_sys::FirstNormalObjectId && !users;
    !system
        && (existed_before(class, oid) || is_used_by_older(class, oid))
        && versions::is_object_owner(class, oid)
        && !is_of_extension(class, oid)
        && !is_temporary(class, oid)
}

/// Whether an object that is no relation was there before this transaction. `xmin` alone misleads after an ALTER in the
/// same transaction, so every version of the row counts: one that is not ours is older.
fn existed_before(class: Oid, oid: Oid) -> bool {
    // SAFETY: the catalogue stays open for the time of the scan; the tuple is the scan's until the next one.
    unsafe {
        let mode = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let catalog = pg_sys::table_open(class, mode);
        let mut key: pg_sys::ScanKeyData = std::mem::zeroed();
        let column = pg_sys::get_object_attnum_oid(class);
        let equal = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
        pg_sys::ScanKeyInit(&raw mut key, column, equal, Oid::from(pg_sys::F_OIDEQ), pg_sys::Datum::from(oid));
        let index = pg_sys::get_object_oid_index(class);
        let any = &raw mut pg_sys::SnapshotAnyData;
        let scan = pg_sys::systable_beginscan(catalog, index, true, any, 1, &raw mut key);
        let mut found = false;
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() || found {
                break;
            }
            found = !is_ours((*tuple).t_data);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(catalog, mode);
        found
    }
}

/// Whether a table that is older than this transaction uses an object, itself or by other new ones: a domain that is the type of
/// one of its columns by now.
fn is_used_by_older(class: Oid, oid: Oid) -> bool {
    let mut objects = vec![(class.to_u32(), oid.to_u32())];
    let mut seen = HashSet::new();
    while let Some(object) = objects.pop() {
        if !seen.insert(object) {
            continue;
        }
        for row in DEPENDENTS_OF.rows(&[Key::Oid(c"refclassid", object.0), Key::Oid(c"refobjid", object.1)]) {
            let dependent = (row.oid(c"classid"), row.oid(c"objid"));
            if dependent.0 == CLASS && relation::existed_before(Oid::from(dependent.1)) {
                return true;
            }
            objects.push(dependent);
        }
    }
    false
}

/// The tables and materialized views that belong to an extension; they go with it, and nothing says so.
pub fn tables_of_extension(extension: Oid) -> Vec<Oid> {
    let keys =
        [Key::Oid(c"refclassid", pg_sys::ExtensionRelationId.to_u32()), Key::Oid(c"refobjid", extension.to_u32())];
    let is_member = |row: &Row| row.oid(c"classid") == CLASS && row.character(c"deptype") == 'e';
    let has_rows = [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE, pg_sys::RELKIND_MATVIEW];
    let members = DEPENDENTS_OF.rows(&keys).into_iter().filter(is_member).map(|row| Oid::from(row.oid(c"objid")));
    members.filter(|oid| has_rows.contains(&relation::kind_of(*oid)) && relation::existed_before(*oid)).collect()
}

/// Whether this transaction wrote a row's version.
///
/// # Safety
/// `header` is a tuple's.
unsafe fn is_ours(header: pg_sys::HeapTupleHeader) -> bool {
    // SAFETY: the caller's promise; a frozen row is nobody's any more.
    unsafe {
        let frozen = u32::from((*header).t_infomask) & pg_sys::HEAP_XMIN_FROZEN == pg_sys::HEAP_XMIN_FROZEN;
        !frozen && pg_sys::TransactionIdIsCurrentTransactionId((*header).t_choice.t_heap.t_xmin)
    }
}

/// A member of an extension.
fn is_of_extension(class: Oid, oid: Oid) -> bool {
    // SAFETY: a scan of pg_depend.
    unsafe { pg_sys::getExtensionOfObject(class, oid) != Oid::INVALID }
}

/// In a schema of temporary objects.
fn is_temporary(class: Oid, oid: Oid) -> bool {
    identity(class, oid, 0).starts_with("pg_temp")
}

/// The owner of a schema may drop what is in it.
fn owns_schema_of(oid: Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    let schema = unsafe { pg_sys::get_rel_namespace(oid) };
    versions::is_object_owner(pg_sys::NamespaceRelationId, schema)
}

/// As SQL names it: qualified, quoted, functions with their arguments, `trigger on table`.
pub fn identity(class: Oid, oid: Oid, sub: i32) -> String {
    let address = pg_sys::ObjectAddress { classId: class, objectId: oid, objectSubId: sub };
    // SAFETY: reads the catalogue; the result is palloc'd, or NULL when the object is gone.
    let identity = unsafe { convert::string(pg_sys::getObjectIdentity(&raw const address, true)) }.unwrap_or_default();
    // f(pg_catalog.text) is nothing that anybody writes.
    match identity.split_once('(') {
        Some((name, arguments)) if class == pg_sys::ProcedureRelationId => {
            format!("{name}({}", arguments.replace("pg_catalog.", ""))
        }
        _ => identity,
    }
}

/// An object as data.
pub fn object(class: Oid, oid: Oid, kind: &str, relation: Option<Relation>) -> Object {
    Object {
        class: class.to_u32(),
        oid: oid.to_u32(),
        sub: 0,
        kind: kind.to_owned(),
        identity: identity(class, oid, 0),
        relation,
    }
}

/// A relation, index or sequence as an object; an index comes with its table.
pub fn relation_object(oid: Oid) -> Result<Object> {
    let kind = relation::kind_of(oid);
    let index = [pg_sys::RELKIND_INDEX, pg_sys::RELKIND_PARTITIONED_INDEX].contains(&kind);
    // SAFETY: a syscache look-up by oid.
    let table = if index { unsafe { pg_sys::IndexGetRelation(oid, true) } } else { oid };
    let described = if table == Oid::INVALID { None } else { Some(relation::describe(table, true)?) };
    Ok(object(pg_sys::RelationRelationId, oid, kind_name(kind), described))
}

/// What a kind of relation is called behind DROP and ALTER.
pub fn kind_name(kind: u8) -> &'static str {
    match kind {
        pg_sys::RELKIND_VIEW => "VIEW",
        pg_sys::RELKIND_MATVIEW => "MATERIALIZED VIEW",
        pg_sys::RELKIND_FOREIGN_TABLE => "FOREIGN TABLE",
        pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => "INDEX",
        pg_sys::RELKIND_SEQUENCE => "SEQUENCE",
        pg_sys::RELKIND_COMPOSITE_TYPE => "TYPE",
        _ => "TABLE",
    }
}

/// pg_shdepend, its index by referenced object, and its columns; not among pgrx's bindings, the same from 15 to 18.
const SHARED_DEPENDENCIES: u32 = 1214;
const BY_REFERENCED: u32 = 1233;
const REFERENCED_CLASS: i16 = 5;
const REFERENCED_OBJECT: i16 = 6;

/// A row of it, as `FormData_pg_shdepend` has it.
#[repr(C)]
struct SharedDependency {
    database: Oid,
    class: Oid,
    object: Oid,
    sub: i32,
    referenced_class: Oid,
    referenced_object: Oid,
    kind: u8,
}

/// The objects of this database that a role owns, by class and oid.
pub fn owned_by(role: Oid) -> Vec<(Oid, Oid)> {
    // SAFETY: the catalogue stays open for the time of the scan; all columns of a row are fixed and not nullable.
    unsafe {
        let mode = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let catalog = pg_sys::table_open(Oid::from(SHARED_DEPENDENCIES), mode);
        let mut keys: [pg_sys::ScanKeyData; 2] = std::mem::zeroed();
        let equal = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
        for (key, (column, value)) in
            keys.iter_mut().zip([(REFERENCED_CLASS, pg_sys::AuthIdRelationId), (REFERENCED_OBJECT, role)])
        {
            pg_sys::ScanKeyInit(key, column, equal, Oid::from(pg_sys::F_OIDEQ), pg_sys::Datum::from(value));
        }
        let index = Oid::from(BY_REFERENCED);
        let scan = pg_sys::systable_beginscan(catalog, index, true, std::ptr::null_mut(), 2, keys.as_mut_ptr());
        let mut owned = Vec::new();
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<SharedDependency>();
            if row.database == pg_sys::MyDatabaseId && row.kind == b'o' && row.sub == 0 {
                owned.push((row.class, row.object));
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(catalog, mode);
        owned
    }
}
