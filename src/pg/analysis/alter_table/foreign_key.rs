//! Foreign keys: what validating one reads, and whether one survives a change of type.

use pgrx::pg_sys::{self, Oid};

use super::{Alteration, alter_type};
use crate::ddl::{Column, LockMode, NewConstraint, Work, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, CONSTRAINTS_OF, INDEX_BY_OID, Key, Row};
use crate::pg::analysis::held;
use crate::pg::{relation, versions};

/// The rows that are read to validate it: those of the referencing table and its partitions.
pub fn validation(alteration: &Alteration<'_>, row: &Row) -> Result<Vec<Work>> {
    let referencing = Oid::from(row.oid(c"conrelid"));
    let partitioned = relation::kind_of(referencing) == pg_sys::RELKIND_PARTITIONED_TABLE;
    let tables = if partitioned { relation::inheritors(referencing)? } else { vec![referencing] };
    // Writes to the referenced table wait as well, if this transaction holds a strong lock on that.
    let (peer, peer_before) = held::effective(Oid::from(row.oid(c"confrelid")), alteration.lock);
    Ok(tables
        .into_iter()
        .filter_map(|table| held::work(table, WorkKind::Scan, alteration.lock))
        .map(|work| if peer > work.lock { Work { lock: peer, held_before: peer_before, ..work } } else { work })
        .collect())
}

/// Rows that this transaction has put into a new table are looked up in a table that others use, and that is locked against
/// writes meanwhile.
pub fn of_new_table(table: Oid, new: &NewConstraint) -> Vec<Work> {
    let Some(target) = &new.references else { return Vec::new() };
    if !relation::existed_before(Oid::from(target.oid)) {
        return Vec::new();
    }
    let (kind, lock) = (WorkKind::Scan, LockMode::ShareRowExclusive);
    vec![Work { relation: table.to_u32(), kind, lock, held_before: false }]
}

/// Whether a partition has a foreign key like the new one already, validated: then Postgres attaches it and reads nothing
/// (`tryAttachPartitionForeignKey`).
pub fn is_there(partition: Oid, new: &NewConstraint, written: &pg_sys::Constraint) -> bool {
    let Some(target) = &new.references else { return false };
    let number = |table: Oid, column: &Column| catalogue::attribute_named(table, &column.name).map_or(0, |a| a.number);
    let own: Vec<i16> = new.columns.iter().map(|c| number(partition, c)).collect();
    let other: Vec<i16> = new.referenced_columns.iter().map(|c| c.number).collect();
    CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", partition.to_u32())]).iter().any(|row| {
        row.character(c"contype") == 'f'
            && row.oid(c"confrelid") == target.oid
            && row.oid(c"conparentid") == 0
            && alter_type::is_enforced(row)
            && row.small_array(c"conkey") == own
            && row.small_array(c"confkey") == other
            && row.character(c"confupdtype") == char::from(written.fk_upd_action as u8)
            && row.character(c"confdeltype") == char::from(written.fk_del_action as u8)
            && row.character(c"confmatchtype") == char::from(written.fk_matchtype as u8)
            && row.boolean(c"condeferrable") == Some(written.deferrable)
            && row.boolean(c"condeferred") == Some(written.initdeferred)
    })
}

/// What becomes of a foreign key that is made again after a change of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remade {
    /// Its operators and casts stay the same, so it is not checked again (`old_check_ok` of ATAddForeignKeyConstraint).
    Kept,
    Checked,
    /// The types can no longer be compared: the statement is refused.
    Impossible,
}

/// What becomes of a foreign key.
///
/// # Safety
/// The alteration's commands are the parser's.
pub unsafe fn remade(alteration: &Alteration<'_>, row: &Row) -> Result<Remade> {
    let (referencing, referenced) = (Oid::from(row.oid(c"conrelid")), Oid::from(row.oid(c"confrelid")));
    // SAFETY: the caller's promise.
    let (ours, theirs) =
        unsafe { (alter_type::altered(alteration, referencing)?, alter_type::altered(alteration, referenced)?) };
    let index = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", row.oid(c"conindid"))]);
    let Some(index) = index.first() else { return Ok(Remade::Checked) };
    let (index_keys, classes) = (index.small_array(c"indkey"), index.oid_array(c"indclass"));
    let operators = row.oid_array(c"conpfeqop");
    let mut outcome = Remade::Kept;
    let pairs = row.small_array(c"conkey").into_iter().zip(row.small_array(c"confkey"));
    for ((own, other), operator) in pairs.zip(operators) {
        let (Some(own_column), Some(other_column)) =
            (catalogue::attribute(referencing, own), catalogue::attribute(referenced, other))
        else {
            return Ok(Remade::Checked);
        };
        let Some(position) = index_keys.iter().position(|key| *key == other) else { return Ok(Remade::Checked) };
        let Some(class) = classes.get(position) else { return Ok(Remade::Checked) };
        let own_type = ours.get(&own).map_or(own_column.type_oid, |new| new.0);
        let other_type = theirs.get(&other).map_or(other_column.type_oid, |new| new.0);
        // SAFETY: syscache look-ups by oid.
        let class = unsafe {
            let method = pg_sys::get_index_am_oid(c"btree".as_ptr(), false);
            let by_default = pg_sys::GetDefaultOpClass(other_column.type_oid, method) == *class;
            if by_default { pg_sys::GetDefaultOpClass(other_type, method) } else { *class }
        };
        match comparison(class, other_type, own_column.type_oid, own_type, operator) {
            Remade::Kept => {}
            other => outcome = other,
        }
        if outcome == Remade::Impossible {
            break;
        }
    }
    Ok(outcome)
}

/// Whether the comparison of the two columns is done by the same operator and through the same cast as before.
fn comparison(class: Oid, referenced: Oid, old: Oid, new: Oid, operator: Oid) -> Remade {
    const EQUAL: i16 = 3;
    if class == Oid::INVALID {
        return Remade::Impossible;
    }
    // SAFETY: syscache look-ups by oid.
    unsafe {
        let (family, input) = (pg_sys::get_opclass_family(class), pg_sys::get_opclass_input_type(class));
        let base = pg_sys::getBaseType(new);
        let mut right = base;
        let mut found = pg_sys::get_opfamily_member(family, input, base, EQUAL);
        let own = pg_sys::get_opfamily_member(family, base, base, EQUAL);
        if found == Oid::INVALID || own == Oid::INVALID {
            let (from, to) = ([referenced, new], [input, input]);
            let implicit = pg_sys::CoercionContext::COERCION_IMPLICIT;
            if !pg_sys::can_coerce_type(2, from.as_ptr(), to.as_ptr(), implicit) {
                return Remade::Impossible;
            }
            found = pg_sys::get_opfamily_member(family, input, input, EQUAL);
            right = input;
        }
        let same = found == operator
            && cast(right, old) == cast(right, new)
            && (!versions::is_polymorphic(right) || old == new);
        if same { Remade::Kept } else { Remade::Checked }
    }
}

/// How a value of a type becomes the operator's: the kind of the cast, and its function.
fn cast(target: Oid, source: Oid) -> (u32, u32) {
    if target == source {
        return (pg_sys::CoercionPathType::COERCION_PATH_RELABELTYPE, 0);
    }
    let mut function = Oid::INVALID;
    let implicit = pg_sys::CoercionContext::COERCION_IMPLICIT;
    // SAFETY: a look-up in pg_cast.
    let path = unsafe { pg_sys::find_coercion_pathway(target, source, implicit, &raw mut function) };
    (path, function.to_u32())
}
