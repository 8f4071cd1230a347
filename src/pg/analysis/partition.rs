//! ATTACH PARTITION and DETACH PARTITION.

use pgrx::pg_sys::{self, AlterTableCmd, NodeTag, Oid, PartitionCmd};

use super::bound::{Bound, Parent};
use super::catalogue::{CLASS, CONSTRAINT, CONSTRAINT_BY_OID, DEPENDENTS_OF, Key};
use super::{held, partition_index, partition_key, proof};
use crate::ddl::{Attachment, Change, ChangeKind, LockMode, Relation, Unproven, Work, WorkKind};
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, convert, node, raw, syscache, versions};

/// The change of a statement that is an ATTACH PARTITION; `None` for another one.
///
/// # Safety
/// `alter` is the parser's tree, with a relation.
pub unsafe fn attached(alter: &pg_sys::AlterTableStmt) -> Result<Option<Vec<Change>>> {
    // SAFETY: the caller's promise; the tag is checked.
    unsafe {
        let commands = node::elements(alter.cmds);
        let [only] = commands.as_slice() else { return Ok(None) };
        let Some(command) = node::cast::<AlterTableCmd>(*only, NodeTag::T_AlterTableCmd) else { return Ok(None) };
        if (*command).subtype != pg_sys::AlterTableType::AT_AttachPartition || alter.relation.is_null() {
            return Ok(None);
        }
        let Some(parent) = relation::lookup(alter.relation)? else { return Ok(Some(Vec::new())) };
        Ok(Some(attach(&*command, parent)?.into_iter().collect()))
    }
}

/// ALTER TABLE `parent` ATTACH PARTITION as a change; `None` when Postgres is about to refuse it.
///
/// # Safety
/// `command` is the parser's tree; its subtype is AT_AttachPartition.
pub unsafe fn attach(command: &AlterTableCmd, parent: Oid) -> Result<Option<Change>> {
    // SAFETY: every cast follows the tag.
    unsafe {
        let Some(written) = node::cast::<PartitionCmd>(command.def, NodeTag::T_PartitionCmd) else { return Ok(None) };
        if (*written).name.is_null() || relation::kind_of(parent) != pg_sys::RELKIND_PARTITIONED_TABLE {
            return Ok(None);
        }
        let Some(child) = relation::lookup((*written).name)? else { return Ok(None) };
        if !versions::is_relation_owner(parent) || !versions::is_relation_owner(child) {
            return Ok(None);
        }
        let on = relation::describe(parent, false)?;
        let partition = relation::describe(child, true)?;
        if partition.partition_of.is_some() {
            return Ok(None);
        }
        let parents = Parent::open(parent)?;
        let attachment = match (&parents, Peek::open(child)) {
            (Some(parents), Some(table)) => {
                if is_refused(&table, &parents.table) {
                    return Ok(None);
                }
                read(&*written, partition, parents, &table)?
            }
            _ => unread(partition, child)?,
        };
        Ok(Some(change(on, attachment)))
    }
}

/// The change with its work.
fn change(on: Relation, attachment: Attachment) -> Change {
    let scans =
        attachment.unproven.iter().flat_map(|u| &u.scanned).chain(attachment.validates.iter().flat_map(|k| &k.leaves));
    let scans = scans.map(|leaf| (*leaf, WorkKind::Scan));
    let builds = attachment.builds.iter().map(|index| (index.leaf, WorkKind::Build));
    let mut work: Vec<_> = scans
        .chain(builds)
        .filter_map(|(leaf, kind)| held::work(Oid::from(leaf), kind, LockMode::AccessExclusive))
        .collect();
    work.sort_unstable_by_key(|w| (w.relation, w.kind));
    work.dedup();
    let sql = attachment
        .bound
        .as_ref()
        .map(|bound| format!("ALTER TABLE {} ATTACH PARTITION {} {bound}", on.quoted, attachment.partition.quoted));
    Change {
        on: Some(on),
        kind: ChangeKind::AttachPartition(attachment),
        lock: Some(LockMode::ShareUpdateExclusive),
        sql,
        work,
    }
}

/// Everything, from open relations.
///
/// # Safety
/// `written` is the parser's tree.
unsafe fn read(written: &PartitionCmd, partition: Relation, parents: &Parent, table: &Peek) -> Result<Attachment> {
    // SAFETY: conditions are over the columns of the relation they are given with.
    unsafe {
        let bound = parents.bound(written.bound, &partition.name, true)?;
        let mut unproven = Vec::new();
        if !bound.partition.is_null() {
            let constraint = proof::mapped(bound.partition, table, &parents.table)?;
            let scanned = proof::scanned(table, constraint)?;
            if !scanned.is_empty() {
                unproven.push(proof::unproven(table, false, constraint, &scanned)?);
            }
        }
        if let Some(default) = parents.default()?.filter(|_| !bound.is_default) {
            unproven.extend(of_default(default, &bound, parents, proof::scanned)?);
        }
        Ok(Attachment {
            bound: Some(bound.text),
            unproven,
            builds: partition_index::missing(&parents.table, table)?,
            validates: partition_key::missing(&parents.table, table)?,
            partition,
        })
    }
}

/// The DEFAULT partition, if it is scanned.
///
/// # Safety
/// `bound` is one of `parents`.
pub unsafe fn of_default(
    default: Oid,
    bound: &Bound,
    parents: &Parent,
    search: unsafe fn(&Peek, *mut pg_sys::List) -> Result<Vec<Oid>>,
) -> Result<Option<Unproven>> {
    // SAFETY: as in [`read`].
    unsafe {
        let Some(table) = Peek::open(default) else {
            let scanned = proof::without_constraints(default)?;
            return if scanned.is_empty() { Ok(None) } else { proof::unread(default, true, &scanned).map(Some) };
        };
        let constraint = proof::mapped(bound.default, &table, &parents.table)?;
        let scanned = search(&table, constraint)?;
        if scanned.is_empty() { Ok(None) } else { proof::unproven(&table, true, constraint, &scanned).map(Some) }
    }
}

/// What the catalogue tells while another session has one of the two locked: where there is no CHECK, nothing is proven.
fn unread(partition: Relation, child: Oid) -> Result<Attachment> {
    let scanned = if relation::has_checks(child) { Vec::new() } else { proof::without_constraints(child)? };
    let unproven = if scanned.is_empty() { Vec::new() } else { vec![proof::unread(child, false, &scanned)?] };
    Ok(Attachment { partition, bound: None, unproven, builds: Vec::new(), validates: Vec::new() })
}

/// Whether Postgres refuses the table as a partition before it looks at a row: it is typed, or its columns or constraints
/// are not those of the parent.
fn is_refused(table: &Peek, parent: &Peek) -> bool {
    // SAFETY: open relations; numbers are below natts.
    unsafe {
        let (child, parent) = (&*table.entry(), &*parent.entry());
        if (*child.rd_rel).reloftype != Oid::INVALID {
            return true;
        }
        let columns = |row_type: pg_sys::TupleDesc| {
            (0..(*row_type).natts).map(move |i| versions::attribute(row_type, i)).filter(|a| !a.attisdropped)
        };
        let same_name = |a: &pg_sys::FormData_pg_attribute, b: &pg_sys::FormData_pg_attribute| {
            convert::string(a.attname.data.as_ptr()) == convert::string(b.attname.data.as_ptr())
        };
        let matches = |theirs: &pg_sys::FormData_pg_attribute| {
            columns(child.rd_att).any(|own| {
                same_name(own, theirs)
                    && own.atttypid == theirs.atttypid
                    && own.atttypmod == theirs.atttypmod
                    && own.attcollation == theirs.attcollation
                    && (own.attnotnull || !theirs.attnotnull)
                    && own.attgenerated == theirs.attgenerated
            })
        };
        columns(parent.rd_att).any(|theirs| !matches(theirs))
            || columns(child.rd_att).any(|own| !columns(parent.rd_att).any(|theirs| same_name(own, theirs)))
            || !checks(parent, true).iter().all(|name| checks(child, false).contains(name))
    }
}

/// Names of CHECK constraints; of the parent, those that are inherited.
///
/// # Safety
/// An open relation.
unsafe fn checks(relation: &pg_sys::RelationData, inherited: bool) -> Vec<String> {
    // SAFETY: num_check counts the constraints.
    unsafe {
        let constraints = (*relation.rd_att).constr;
        if constraints.is_null() {
            return Vec::new();
        }
        (0..usize::from((*constraints).num_check))
            .map(|i| &*(*constraints).check.add(i))
            .filter(|check| !(inherited && check.ccnoinherit))
            .filter_map(|check| convert::string(check.ccname))
            .collect()
    }
}

/// ALTER TABLE `on` DETACH PARTITION as a change; `None` when there is no such partition.
///
/// # Safety
/// `command` is the parser's tree; its subtype is AT_DetachPartition or AT_DetachPartitionFinalize.
pub unsafe fn detach(command: &AlterTableCmd, on: &Relation) -> Result<Option<Change>> {
    // SAFETY: every cast follows the tag.
    unsafe {
        let Some(written) = node::cast::<PartitionCmd>(command.def, NodeTag::T_PartitionCmd) else { return Ok(None) };
        if (*written).name.is_null() || !on.partitioned {
            return Ok(None);
        }
        let Some(child) = relation::lookup((*written).name)? else { return Ok(None) };
        let partition = relation::describe(child, true)?;
        if partition.partition_of != Some(on.oid) {
            return Ok(None);
        }
        let parent = Oid::from(on.oid);
        let default = boundary::catch(|| raw::get_default_partition_oid(parent))?;
        let default = if default == Oid::INVALID { None } else { Some(relation::describe(default, true)?) };
        let finalize = command.subtype == pg_sys::AlterTableType::AT_DetachPartitionFinalize;
        let concurrently = (*written).concurrent;
        let lock = if concurrently || finalize { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
        let how = match (concurrently, finalize) {
            (true, _) => " CONCURRENTLY",
            (_, true) => " FINALIZE",
            _ => "",
        };
        let sql = format!("ALTER TABLE {} DETACH PARTITION {}{how}", on.quoted, partition.quoted);
        let work = if finalize { Vec::new() } else { referencing(&partition, concurrently)? };
        Ok(Some(Change {
            on: Some(on.clone()),
            kind: ChangeKind::DetachPartition { partition, concurrently, finalize, default },
            lock: Some(lock),
            sql: Some(sql),
            work,
        }))
    }
}

/// The tables whose foreign keys reference the partition: they are read to see that no row of them does
/// (`ATDetachCheckNoForeignKeyRefs`), also concurrently.
fn referencing(partition: &Relation, concurrently: bool) -> Result<Vec<Work>> {
    let lock = if concurrently { LockMode::Share } else { LockMode::AccessExclusive };
    let keys = [Key::Oid(c"refclassid", CLASS), Key::Oid(c"refobjid", partition.oid)];
    let mut oids: Vec<u32> = DEPENDENTS_OF
        .rows(&keys)
        .iter()
        .filter(|row| row.oid(c"classid") == CONSTRAINT)
        .map(|row| row.oid(c"objid"))
        .collect();
    oids.sort_unstable();
    oids.dedup();
    let mut work = Vec::new();
    for row in oids.iter().flat_map(|oid| CONSTRAINT_BY_OID.rows(&[Key::Oid(c"oid", *oid)])) {
        if row.character(c"contype") == 'f' && row.oid(c"confrelid") == partition.oid {
            for table in relation::inheritors(Oid::from(row.oid(c"conrelid")))? {
                work.extend(held::work(table, WorkKind::Scan, lock));
            }
        }
    }
    Ok(work)
}

/// Whether an index or constraint of that oid belongs to a larger one: a part of a partitioned one.
pub fn is_part(relation: Oid) -> bool {
    syscache::Row::class(relation).and_then(|row| row.boolean(c"relispartition")) == Some(true)
}
