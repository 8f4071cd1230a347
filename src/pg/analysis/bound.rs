//! FOR VALUES ...: what it means for the rows, and how it is written.

use pgrx::pg_sys::{self, List, Oid, PartitionBoundSpec};

use crate::error::Result;
use crate::pg::relation::Peek;
use crate::pg::{boundary, convert, node, raw, versions};

/// A partitioned table, open together with its ancestors: their bounds are part of its constraint.
pub struct Parent {
    pub table: Peek,
    _ancestors: Vec<Peek>,
}

/// A bound, checked against the other partitions, and the conditions that follow from it. Both are over the columns of the
/// parent.
pub struct Bound {
    pub is_default: bool,
    /// As SQL.
    pub text: String,
    /// What each row of the partition must satisfy; NIL for anything.
    pub partition: *mut List,
    /// What each row of the DEFAULT partition must satisfy from then on.
    pub default: *mut List,
}

impl Parent {
    /// Opens them; `None` when another session has one of them locked.
    pub fn open(oid: Oid) -> Result<Option<Self>> {
        let Some(table) = Peek::open(oid) else { return Ok(None) };
        let mut ancestors = Vec::new();
        let mut child = oid;
        // SAFETY: syscache look-ups and a raw call by oid.
        while unsafe { pg_sys::get_rel_relispartition(child) } {
            // SAFETY: as above.
            child = unsafe { boundary::catch(|| raw::get_partition_parent(child, true))? };
            let Some(ancestor) = Peek::open(child) else { return Ok(None) };
            ancestors.push(ancestor);
        }
        Ok(Some(Self { table, _ancestors: ancestors }))
    }

    /// The DEFAULT partition.
    pub fn default(&self) -> Result<Option<Oid>> {
        let oid = self.table.oid();
        // SAFETY: a syscache look-up by oid.
        let default = unsafe { boundary::catch(|| raw::get_default_partition_oid(oid))? };
        Ok((default != Oid::INVALID).then_some(default))
    }

    /// Transforms a bound as written. An error is one that Postgres raises itself: the bound is no value of the key, or
    /// overlaps.
    ///
    /// # Safety
    /// `written` is the parser's tree; `name` is that of the new partition.
    pub unsafe fn bound(&self, written: *mut PartitionBoundSpec, name: &str, attaches: bool) -> Result<Bound> {
        let entry = self.table.entry();
        let name = convert::c_string(name);
        // SAFETY: the parent and its ancestors are open; transformPartitionBound works on a copy.
        unsafe {
            let state = pg_sys::make_parsestate(std::ptr::null_mut());
            let spec = boundary::catch(|| raw::transformPartitionBound(state, entry, written))?;
            pg_sys::check_new_partition_bound(name.as_ptr().cast_mut(), entry, spec, state);
            let own = pg_sys::get_qual_from_partbound(entry, spec);
            let inherited = boundary::catch(|| raw::RelationGetPartitionQual(entry))?;
            let (whole, own) =
                if attaches { (versions::bound_and_parent(own, inherited), own) } else { (std::ptr::null_mut(), own) };
            let is_default = (*spec).is_default;
            Ok(Bound {
                is_default,
                text: text(&*spec),
                partition: simplified(whole)?,
                default: if is_default || own.is_null() {
                    std::ptr::null_mut()
                } else {
                    boundary::catch(|| raw::get_proposed_default_constraint(own))?
                },
            })
        }
    }
}

/// A list of one condition, constants folded, as ATTACH PARTITION makes it; NIL of NIL.
///
/// # Safety
/// A list of conditions.
unsafe fn simplified(conditions: *mut List) -> Result<*mut List> {
    if conditions.is_null() {
        return Ok(conditions);
    }
    // SAFETY: the list is not empty, so that folding it makes a list again.
    unsafe {
        let folded = boundary::catch(|| raw::eval_const_expressions(std::ptr::null_mut(), conditions.cast()))?;
        let whole = pg_sys::make_ands_explicit(folded.cast());
        Ok(pg_sys::lappend(std::ptr::null_mut(), whole.cast()))
    }
}

/// As SQL.
///
/// # Safety
/// A transformed bound.
unsafe fn text(spec: &PartitionBoundSpec) -> String {
    if spec.is_default {
        return "DEFAULT".to_owned();
    }
    // SAFETY: lists of PartitionRangeDatum or of Const, as the strategy says.
    unsafe {
        let list = |datums| convert::string(pg_sys::get_range_partbound_string(datums)).unwrap_or_default();
        match spec.strategy as u8 {
            b'h' => format!("FOR VALUES WITH (MODULUS {}, REMAINDER {})", spec.modulus, spec.remainder),
            b'l' => format!("FOR VALUES IN {}", list(as_range(spec.listdatums))),
            _ => format!("FOR VALUES FROM {} TO {}", list(spec.lowerdatums), list(spec.upperdatums)),
        }
    }
}

/// Values of a list, dressed as those of a range, which Postgres writes without their types.
///
/// # Safety
/// A list of Const.
unsafe fn as_range(values: *mut List) -> *mut List {
    // SAFETY: palloc0 returns zeroed memory; the node is complete.
    unsafe {
        node::elements(values).into_iter().fold(std::ptr::null_mut(), |list, value| {
            let datum = pg_sys::palloc0(size_of::<pg_sys::PartitionRangeDatum>()).cast::<pg_sys::PartitionRangeDatum>();
            (*datum).type_ = pg_sys::NodeTag::T_PartitionRangeDatum;
            (*datum).kind = pg_sys::PartitionRangeDatumKind::PARTITION_RANGE_DATUM_VALUE;
            (*datum).value = value;
            pg_sys::lappend(list, datum.cast())
        })
    }
}
