//! ATTACH PARTITION and DETACH PARTITION.

use pgrx::pg_sys::{self, AlterTableCmd, NodeTag, Oid, PartitionCmd};

use super::bound::{Bound, Parent};
use super::catalogue::{CLASS, CONSTRAINT, CONSTRAINT_BY_OID, DEPENDENTS_OF, Key};
use super::{barrier, held, partition_fit, partition_index, partition_key, prior, proof};
use crate::ddl::{Attachment, Change, ChangeKind, LockMode, Relation, Unproven, Work, WorkKind};
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, node, raw, statement_text, versions};

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
        let mut change = attach(&*command, parent)?;
        if let Some(change) = change.as_mut().filter(|change| change.sql.is_none()) {
            change.sql = statement_text::on_one_line(alter);
        }
        Ok(Some(change.into_iter().collect()))
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
        let table = Peek::open(child);
        let attachment = match Parent::open(parent)? {
            Some(_) if partition_fit::is_refused(child, parent, table.as_ref())? => return Ok(None),
            Some(parents) => match read(&*written, partition.clone(), &parents, child, table.as_ref()) {
                // A user's function is in the bound: only Postgres may run it.
                Err(error) if barrier::is_stop(&error) => unread(partition, child)?,
                read => read?,
            },
            None => unread(partition, child)?,
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

/// Everything. Without the table open, because another session has it locked, what it lacks is not known.
///
/// # Safety
/// `written` is the parser's tree.
unsafe fn read(
    written: &PartitionCmd,
    partition: Relation,
    parents: &Parent,
    child: Oid,
    table: Option<&Peek>,
) -> Result<Attachment> {
    // SAFETY: conditions are over the columns of the relation they are given with.
    unsafe {
        let bound = parents.bound(written.bound, &partition.name, true)?;
        let mut unproven = Vec::new();
        if !bound.partition.is_null() {
            let constraint = proof::mapped(bound.partition, child, parents.table.oid())?;
            let scanned = proof::scanned(child, constraint)?;
            if !scanned.is_empty() {
                unproven.push(proof::unproven(child, false, constraint, &scanned)?);
            }
        }
        if let Some(default) = parents.default()?.filter(|_| !bound.is_default) {
            unproven.extend(of_default(default, &bound, parents, proof::scanned)?);
        }
        let (mut builds, mut validates) = (Vec::new(), Vec::new());
        if let Some(table) = table {
            builds = partition_index::missing(&parents.table, table)?;
            validates = partition_key::missing(&parents.table, table)?;
            // What a script makes for a table before is taken for what the table lacks.
            prior::ask(|prior| {
                builds.retain(|index| !prior.has_index_on(index.leaf));
                validates.retain(|key| !key.leaves.iter().all(|leaf| prior.has_foreign_key(*leaf)));
            });
        }
        Ok(Attachment { bound: Some(bound.text), unproven, builds, validates, partition })
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
    search: unsafe fn(Oid, *mut pg_sys::List) -> Result<Vec<Oid>>,
) -> Result<Option<Unproven>> {
    // SAFETY: as in [`read`].
    unsafe {
        let constraint = proof::mapped(bound.default, default, parents.table.oid())?;
        let scanned = search(default, constraint)?;
        if scanned.is_empty() { Ok(None) } else { proof::unproven(default, true, constraint, &scanned).map(Some) }
    }
}

/// What the catalogue tells while the bound is not known: where there is no CHECK, nothing is proven.
fn unread(partition: Relation, child: Oid) -> Result<Attachment> {
    let scanned = if proof::has_checks(child) { Vec::new() } else { proof::without_constraints(child)? };
    let unproven = if scanned.is_empty() { Vec::new() } else { vec![proof::unread(child, false, &scanned)?] };
    Ok(Attachment { partition, bound: None, unproven, builds: Vec::new(), validates: Vec::new() })
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
