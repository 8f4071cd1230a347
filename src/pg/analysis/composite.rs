//! ALTER TYPE ... ATTRIBUTE ... CASCADE: every table OF the type is altered with it.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag, Oid};

use super::alter_table::{Alteration, changes_of};
use super::catalogue::{CLASS, DEPENDENTS_OF, Key};
use super::{expression, prior, row_type};
use crate::ddl::{Change, ChangeKind, Relation, Work};
use crate::error::Result;
use crate::pg::{convert, node, object, relation, versions};

/// pg_type.
const TYPE: u32 = 1247;

/// The commands of an ALTER TYPE on a composite type.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn changes(alter: &pg_sys::AlterTableStmt) -> Result<Vec<Change>> {
    // SAFETY: the caller's promise; the type's name is part of the tree.
    unsafe {
        if alter.relation.is_null() {
            return Ok(Vec::new());
        }
        let Some(composite) = relation::lookup(alter.relation)? else { return Ok(Vec::new()) };
        let theirs = !prior::in_script() && !versions::is_relation_owner(composite);
        if theirs || relation::kind_of(composite) != pg_sys::RELKIND_COMPOSITE_TYPE {
            return Ok(Vec::new());
        }
        // Of a type that nobody else can see only what happens to older tables is of interest.
        let is_new = !object::is_guarded(pg_sys::RelationRelationId, composite);
        let of_type = pg_sys::get_rel_type_id(composite);
        let tables = typed_tables(of_type);
        let commands: Vec<&pg_sys::AlterTableCmd> = node::elements(alter.cmds)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .map(|c| &*c)
            .collect();
        // Postgres refuses to change an attribute whose values are stored, and without CASCADE all where typed tables are.
        let possible = commands.iter().all(|c| c.behavior == pg_sys::DropBehavior::DROP_CASCADE)
            && !(commands.iter().any(|c| c.subtype == At::AT_AlterColumnType) && row_type::is_type_stored(of_type));
        let mut changes: Vec<Change> = Vec::new();
        for (i, command) in commands.into_iter().enumerate() {
            let (on, work) = if possible { work_on(&tables, alter, i)? } else { (None, Vec::new()) };
            let Some((kind, sql)) = kind(of_type, command)? else { continue };
            if !is_new || !work.is_empty() {
                changes.push(Change { lock: None, on, kind, sql: Some(sql), work });
            }
        }
        Ok(changes)
    }
}

/// What the command does to the tables of the type: as ALTER TABLE on each of them would.
///
/// # Safety
/// `alter` is the parser's tree.
unsafe fn work_on(
    tables: &[Oid],
    alter: &pg_sys::AlterTableStmt,
    number: usize,
) -> Result<(Option<Relation>, Vec<Work>)> {
    let mut work = Vec::new();
    let mut first = None;
    for table in tables {
        // SAFETY: the caller's promise.
        let Some(alteration) = (unsafe { Alteration::on(*table, true, alter)? }) else { continue };
        // SAFETY: as above.
        let changes = unsafe { changes_of(&alteration)? };
        if let Some(change) = changes.into_iter().nth(number) {
            if first.is_none() && !change.work.is_empty() {
                first = change.on;
            }
            work.extend(change.work);
        }
    }
    Ok((first, work))
}

/// What a command does, and the command as a statement of its own.
///
/// # Safety
/// `command` is the parser's.
unsafe fn kind(of_type: Oid, command: &pg_sys::AlterTableCmd) -> Result<Option<(ChangeKind, String)>> {
    let composite = object::object(pg_sys::TypeRelationId, of_type, "TYPE", None);
    let cascade = command.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    let cascading = if cascade { " CASCADE" } else { "" };
    let alter = format!("ALTER TYPE {} ", composite.identity);
    // SAFETY: the caller's promise; the tag is checked, names are NULL or NUL-terminated.
    unsafe {
        let attribute = convert::string(command.name).unwrap_or_default();
        let quoted = relation::quoted(&attribute);
        let written = node::cast::<pg_sys::ColumnDef>(command.def, NodeTag::T_ColumnDef).map(|d| &*d);
        Ok(match (command.subtype, written) {
            (At::AT_DropColumn, _) => {
                let missing_ok = if command.missing_ok { "IF EXISTS " } else { "" };
                let sql = format!("{alter}DROP ATTRIBUTE {missing_ok}{quoted}{cascading}");
                Some((ChangeKind::DropAttribute { composite, attribute, cascade }, sql))
            }
            (At::AT_AlterColumnType, Some(written)) => {
                let to = written_type(written)?;
                let sql = format!("{alter}ALTER ATTRIBUTE {quoted} TYPE {to}{cascading}");
                Some((ChangeKind::AlterAttribute { composite, attribute, to, cascade }, sql))
            }
            (At::AT_AddColumn, Some(written)) => {
                let attribute = convert::string(written.colname).unwrap_or_default();
                let (quoted, of) = (relation::quoted(&attribute), written_type(written)?);
                let sql = format!("{alter}ADD ATTRIBUTE {quoted} {of}{cascading}");
                Some((ChangeKind::AddAttribute { composite, attribute, cascade }, sql))
            }
            _ => None,
        })
    }
}

/// The type of an attribute as Postgres writes it, COLLATE included.
///
/// # Safety
/// `written` is the parser's.
unsafe fn written_type(written: &pg_sys::ColumnDef) -> Result<String> {
    // SAFETY: the caller's promise; a collation's name is a list of strings.
    unsafe {
        let (type_oid, modifier) = expression::resolve_type(written.typeName)?;
        let of = expression::type_name(type_oid, modifier);
        Ok(match written.collClause.as_ref() {
            Some(clause) => format!("{of} COLLATE {}", expression::dotted(clause.collname)),
            None => of,
        })
    }
}

/// Tables OF a type.
fn typed_tables(type_oid: Oid) -> Vec<Oid> {
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    DEPENDENTS_OF
        .rows(&keys)
        .iter()
        .filter(|row| row.oid(c"classid") == CLASS && row.integer(c"objsubid") == 0)
        .map(|row| Oid::from(row.oid(c"objid")))
        .filter(|oid| [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE].contains(&relation::kind_of(*oid)))
        .collect()
}
