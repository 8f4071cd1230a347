//! Rows of system catalogues, read by index as Postgres's own commands read them: no lock on the relations they
//! describe, no SQL, columns by name so that versions may differ.

use std::rc::Rc;

use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::{FromDatum, IntoDatum};

use super::overlay::{self, Named};
use crate::pg::convert;

/// A catalogue and an index of it. Their oids are fixed in Postgres's sources (`src/include/catalog/pg_*.h`).
#[derive(Clone, Copy)]
pub struct Catalogue {
    pub oid: u32,
    pub index: u32,
}

/// pg_constraint by conrelid.
pub const CONSTRAINTS_OF: Catalogue = Catalogue { oid: CONSTRAINT, index: 2665 };
/// pg_constraint by its own oid.
pub const CONSTRAINT_BY_OID: Catalogue = Catalogue { oid: CONSTRAINT, index: 2667 };
/// pg_depend by what is referenced: refclassid, refobjid, refobjsubid.
pub const DEPENDENTS_OF: Catalogue = Catalogue { oid: 2608, index: 2674 };
/// pg_depend by who depends: classid, objid, objsubid.
pub const DEPENDENCIES_OF: Catalogue = Catalogue { oid: 2608, index: 2673 };
/// pg_rewrite by ev_class.
pub const RULES_OF: Catalogue = Catalogue { oid: REWRITE, index: 2693 };
/// pg_statistic_ext by its own oid.
pub const STATISTICS_BY_OID: Catalogue = Catalogue { oid: 3381, index: 3380 };
/// pg_index by indrelid.
pub const INDEXES_OF: Catalogue = Catalogue { oid: 2610, index: 2678 };
/// pg_index by indexrelid.
pub const INDEX_BY_OID: Catalogue = Catalogue { oid: 2610, index: 2679 };

/// pg_inherits by inhrelid, inhseqno.
pub const PARENTS_OF: Catalogue = Catalogue { oid: 2611, index: 2680 };

/// pg_class by its own oid.
pub const CLASS_BY_OID: Catalogue = Catalogue { oid: CLASS, index: 2662 };

/// pg_constraint.
pub const CONSTRAINT: u32 = 2606;
/// pg_class.
pub const CLASS: u32 = 1259;
/// pg_rewrite.
pub const REWRITE: u32 = 2618;
/// pg_attrdef.
pub const ATTRIBUTE_DEFAULT: u32 = 2604;

/// A copied row, freed when it is dropped: a statement may look at a table with many constraints many times. It lives in
/// the memory context that was current when it was read, at the longest.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: Rc<Descriptor>,
    catalogue: u32,
}

/// A copied descriptor, which rows share.
struct Descriptor(pg_sys::TupleDesc);

impl Drop for Row {
    fn drop(&mut self) {
        // SAFETY: our copy, freed once; what was read of it is copied.
        unsafe { pg_sys::heap_freetuple(self.tuple) }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: as above; nobody counts references to a copy.
        unsafe { pg_sys::FreeTupleDesc(self.0) }
    }
}

/// A key of a scan: an attribute of the index's, in its order, and the value it must have.
#[derive(Clone, Copy)]
pub enum Key {
    Oid(&'static std::ffi::CStr, u32),
    Int(&'static std::ffi::CStr, i32),
    Small(&'static std::ffi::CStr, i16),
}

impl Catalogue {
    /// The rows with these keys.
    pub fn rows(self, keys: &[Key]) -> Vec<Row> {
        let oid = Oid::from(self.oid);
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        // SAFETY: a catalogue is never locked against reading for longer than an instant; the keys' attributes and
        // comparison functions match by type; tuples and the descriptor are copied before it is closed.
        unsafe {
            let mut scan_keys: Vec<pg_sys::ScanKeyData> = vec![pg_sys::ScanKeyData::default(); keys.len()];
            for (entry, key) in scan_keys.iter_mut().zip(keys) {
                let (name, equal, value) = match *key {
                    Key::Oid(name, value) => (name, pg_sys::F_OIDEQ, Datum::from(value)),
                    Key::Int(name, value) => (name, pg_sys::F_INT4EQ, Datum::from(value)),
                    Key::Small(name, value) => (name, pg_sys::F_INT2EQ, Datum::from(value)),
                };
                let attribute = pg_sys::get_attnum(oid, name.as_ptr());
                let strategy = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
                pg_sys::ScanKeyInit(entry, attribute, strategy, Oid::from(equal), value);
            }
            let table = pg_sys::table_open(oid, lock);
            let descriptor = Rc::new(Descriptor(pg_sys::CreateTupleDescCopy((*table).rd_att)));
            let index = Oid::from(self.index);
            let count = keys.len() as i32;
            let scan =
                pg_sys::systable_beginscan(table, index, true, std::ptr::null_mut(), count, scan_keys.as_mut_ptr());
            let mut rows = Vec::new();
            loop {
                let tuple = pg_sys::systable_getnext(scan);
                if tuple.is_null() {
                    break;
                }
                let tuple = pg_sys::heap_copytuple(tuple);
                rows.push(Row { tuple, descriptor: Rc::clone(&descriptor), catalogue: self.oid });
            }
            pg_sys::systable_endscan(scan);
            pg_sys::table_close(table, lock);
            rows
        }
    }
}

/// The row of pg_class with an oid.
pub fn class(oid: Oid) -> Option<Row> {
    CLASS_BY_OID.rows(&[Key::Oid(c"oid", oid.to_u32())]).pop()
}

/// The row of pg_constraint with an oid.
pub fn constraint(oid: Oid) -> Option<Row> {
    CONSTRAINT_BY_OID.rows(&[Key::Oid(c"oid", oid.to_u32())]).pop()
}

impl Row {
    fn value(&self, column: &std::ffi::CStr) -> Option<Datum> {
        // SAFETY: the tuple is of the catalogue that the descriptor describes; a missing column has number 0.
        unsafe {
            let number = pg_sys::get_attnum(Oid::from(self.catalogue), column.as_ptr());
            if number == 0 {
                return None;
            }
            let mut null = true;
            let value = pg_sys::heap_getattr(self.tuple, i32::from(number), self.descriptor.0, &mut null);
            (!null).then_some(value)
        }
    }

    /// An oid; 0 for NULL.
    pub fn oid(&self, column: &std::ffi::CStr) -> u32 {
        self.value(column).map_or(0, |v| v.value() as u32)
    }

    /// A boolean; `None` for NULL and for a column this version does not have.
    pub fn boolean(&self, column: &std::ffi::CStr) -> Option<bool> {
        self.value(column).map(|v| v.value() as u8 != 0)
    }

    /// A "char".
    pub fn character(&self, column: &std::ffi::CStr) -> char {
        self.value(column).map_or('\0', |v| v.value() as u8 as char)
    }

    /// An int4.
    pub fn integer(&self, column: &std::ffi::CStr) -> i32 {
        self.value(column).map_or(0, |v| v.value() as i32)
    }

    /// An int2.
    pub fn small(&self, column: &std::ffi::CStr) -> i16 {
        self.value(column).map_or(0, |v| v.value() as i16)
    }

    /// A name.
    pub fn name(&self, column: &std::ffi::CStr) -> String {
        // SAFETY: a name is a NUL-terminated array inside the copied tuple.
        self.value(column).and_then(|v| unsafe { convert::string(v.cast_mut_ptr()) }).unwrap_or_default()
    }

    /// A smallint[] or int2vector.
    pub fn small_array(&self, column: &std::ffi::CStr) -> Vec<i16> {
        // SAFETY: the caller names a column of that type.
        self.value(column).and_then(|v| unsafe { Vec::<i16>::from_datum(v, false) }).unwrap_or_default()
    }

    /// An oid[] or oidvector.
    pub fn oid_array(&self, column: &std::ffi::CStr) -> Vec<Oid> {
        // SAFETY: the caller names a column of that type.
        self.value(column).and_then(|v| unsafe { Vec::<Oid>::from_datum(v, false) }).unwrap_or_default()
    }

    /// A pg_node_tree, read; NULL for none.
    pub fn tree(&self, column: &std::ffi::CStr) -> *mut pg_sys::Node {
        // SAFETY: the caller names a column of that type, which Postgres itself wrote.
        unsafe {
            self.value(column).map_or(std::ptr::null_mut(), |v| {
                let text = pg_sys::text_to_cstring(v.cast_mut_ptr());
                let tree = pg_sys::stringToNode(text).cast();
                pg_sys::pfree(text.cast());
                tree
            })
        }
    }

    /// Whether the column is NULL.
    pub fn is_null(&self, column: &std::ffi::CStr) -> bool {
        self.value(column).is_none()
    }
}

/// A column of a relation, from the syscache: no lock, no relcache entry.
#[derive(Clone, Debug, Default)]
pub struct Attribute {
    pub number: i16,
    pub name: String,
    pub type_oid: Oid,
    pub modifier: i32,
    pub collation: Oid,
    pub not_null: bool,
    /// `'\0'`, `'s'` or `'v'`.
    pub generated: char,
    /// GENERATED ... AS IDENTITY.
    pub identity: bool,
    pub dropped: bool,
    /// From how many parents it comes, if it is not the relation's own.
    pub only_from: i64,
}

/// The column of a number; `None` when there is none.
pub fn attribute(relation: Oid, number: i16) -> Option<Attribute> {
    let Some(found) = stored_attribute(relation, number) else { return overlay::added(relation, number) };
    Some(overlay::changed(relation, found))
}

/// The same as the catalogue has it.
pub(super) fn stored_attribute(relation: Oid, number: i16) -> Option<Attribute> {
    let cache = pg_sys::SysCacheIdentifier::ATTNUM as i32;
    let number = number.into_datum()?;
    // SAFETY: a syscache look-up; the tuple is read before it is released.
    unsafe { read_attribute(pg_sys::SearchSysCache2(cache, Datum::from(relation), number)) }
}

/// The column of a name; `None` when there is none, or when it is dropped.
pub fn attribute_named(relation: Oid, name: &str) -> Option<Attribute> {
    match overlay::named(relation, name) {
        Named::Added(attribute) => Some(attribute),
        Named::Gone => None,
        Named::Stored(stored) => {
            let stored = convert::c_string(&stored);
            // SAFETY: a syscache look-up with a NUL-terminated name.
            let number = unsafe { pg_sys::get_attnum(relation, stored.as_ptr()) };
            attribute(relation, (number > 0).then_some(number)?)
        }
    }
}

/// All columns that were ever made, dropped ones included, so that the position is the number.
pub fn attributes(relation: Oid) -> Vec<Attribute> {
    (1..=pg_sys::MaxHeapAttributeNumber as i16).map_while(|number| attribute(relation, number)).collect()
}

/// # Safety
/// `tuple` comes from the syscache ATTNUM, or is NULL.
unsafe fn read_attribute(tuple: pg_sys::HeapTuple) -> Option<Attribute> {
    if tuple.is_null() {
        return None;
    }
    // SAFETY: the fixed part of a pg_attribute row.
    unsafe {
        let form = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_attribute>();
        let attribute = Attribute {
            number: form.attnum,
            name: convert::string(form.attname.data.as_ptr()).unwrap_or_default(),
            type_oid: form.atttypid,
            modifier: form.atttypmod,
            collation: form.attcollation,
            not_null: form.attnotnull,
            generated: form.attgenerated as u8 as char,
            identity: form.attidentity != 0,
            dropped: form.attisdropped,
            only_from: if form.attislocal { 0 } else { i64::from(form.attinhcount) },
        };
        pg_sys::ReleaseSysCache(tuple);
        Some(attribute)
    }
}
