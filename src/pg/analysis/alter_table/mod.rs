//! ALTER TABLE, as Postgres works through it: the whole list of commands decides, in the order in which Postgres does
//! them, not in the order written (drops first, then types, new columns, constraints, column attributes, indexes).

mod add_column;
mod alter_type;
mod constraint;
mod describe;
pub mod effects;
mod foreign_key;
mod identity;
mod index_constraint;
mod losses;
pub mod not_null;
mod other;
mod refused;
mod storage;

pub use refused::lacks_partition_key;
pub use storage::moves;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use pgrx::pg_sys::{self, AlterTableType as At, Node, NodeTag, Oid};

use super::catalogue::{self, Attribute};
use super::expression::Namespace;
use super::{column, held, overlay, partition};
use crate::ddl::{Change, ChangeKind, Column, LockMode, Relation, Work, WorkKind};
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, relation};

/// One ALTER TABLE and the relation it is about.
pub struct Alteration<'a> {
    pub on: Relation,
    pub oid: Oid,
    /// Made by this transaction.
    pub is_new: bool,
    /// Without ONLY.
    pub recurses: bool,
    /// What Postgres takes for the whole list.
    pub lock: LockMode,
    pub commands: Vec<&'a pg_sys::AlterTableCmd>,
    /// The relation and, without ONLY, all that inherit from it.
    pub tables: Vec<Oid>,
    /// `ALTER TABLE name `.
    prefix: String,
    /// Made when the first expression asks for it: an ALTER TABLE may have hundreds of commands.
    namespace: OnceCell<Namespace>,
    /// What its children are known to lose, or not, see [`losses`].
    losses: RefCell<HashMap<(u32, String), bool>>,
}

/// The commands of an ALTER TABLE.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn changes(alter: &pg_sys::AlterTableStmt) -> Result<Vec<Change>> {
    // SAFETY: the caller's promise.
    unsafe {
        // A table may be old where its new parent is not.
        if let Some(attached) = partition::attached(alter)? {
            return Ok(attached);
        }
        match Alteration::of(alter)? {
            Some(alteration) => changes_of(&alteration),
            None => Ok(Vec::new()),
        }
    }
}

/// The same for an alteration that is resolved already.
///
/// # Safety
/// The alteration's commands are the parser's.
pub unsafe fn changes_of(alteration: &Alteration<'_>) -> Result<Vec<Change>> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut changes = Vec::with_capacity(alteration.commands.len());
        for command in &alteration.commands {
            let change = alteration.change(command)?;
            // Of a table that nobody sees yet, only what happens to others is of interest.
            if !alteration.is_new || !change.work.is_empty() {
                changes.push(change);
            }
        }
        Ok(changes)
    }
}

impl<'a> Alteration<'a> {
    /// `None` when it is none of the guard's business.
    ///
    /// # Safety
    /// `alter` is the parser's tree.
    unsafe fn of(alter: &'a pg_sys::AlterTableStmt) -> Result<Option<Self>> {
        // SAFETY: every cast follows the tag; the relation's name is part of the tree.
        unsafe {
            if alter.relation.is_null() {
                return Ok(None);
            }
            let Some(oid) = relation::lookup(alter.relation)? else { return Ok(None) };
            Self::on(oid, (*alter.relation).inh, alter)
        }
    }

    /// Its commands on a relation, whatever it names.
    ///
    /// # Safety
    /// `alter` is the parser's tree.
    pub unsafe fn on(oid: Oid, recurses: bool, alter: &'a pg_sys::AlterTableStmt) -> Result<Option<Self>> {
        // SAFETY: every cast follows the tag.
        unsafe {
            let commands = node::elements(alter.cmds)
                .into_iter()
                .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
                .map(|c| &*c)
                .collect();
            let guarded = relation::guarded(oid, recurses)?;
            let is_new = guarded.is_none() && relation::is_own_new_table(oid);
            let on = match guarded {
                Some(on) => Relation { only: !recurses, ..on },
                None if is_new => relation::describe(oid, false)?,
                None => return Ok(None),
            };
            let cmds = alter.cmds;
            let number = boundary::catch(|| raw::AlterTableGetLockLevel(cmds))?;
            let kind = if on.kind == 'm' { "MATERIALIZED VIEW" } else { "TABLE" };
            let tables = if recurses { relation::inheritors(oid)? } else { vec![oid] };
            let only = if recurses { "" } else { "ONLY " };
            Ok(Some(Self {
                prefix: format!("ALTER {kind} {only}{} ", on.quoted),
                namespace: OnceCell::new(),
                losses: RefCell::default(),
                on,
                oid,
                is_new,
                recurses,
                lock: LockMode::from_number(number).unwrap_or(LockMode::AccessExclusive),
                commands,
                tables,
            }))
        }
    }

    /// One of its commands.
    ///
    /// # Safety
    /// `command` is one of `self.commands`.
    unsafe fn change(&self, command: &pg_sys::AlterTableCmd) -> Result<Change> {
        // SAFETY: the caller's promise; each part casts by tag.
        unsafe {
            match command.subtype {
                At::AT_AddColumn => add_column::change(self, command),
                At::AT_AlterColumnType => alter_type::change(self, command),
                At::AT_DetachPartition | At::AT_DetachPartitionFinalize => {
                    let other = || self.light(ChangeKind::OtherAlter, None);
                    Ok(partition::detach(command, &self.on)?.unwrap_or_else(other))
                }
                At::AT_SetNotNull => not_null::set(self, command),
                At::AT_AddConstraint => constraint::add(self, command),
                At::AT_ValidateConstraint => constraint::validate(self, command),
                At::AT_AlterConstraint => constraint::alter(self, command),
                At::AT_DropConstraint => constraint::drop(self, command),
                At::AT_SetLogged | At::AT_SetUnLogged => storage::persistence(self, command),
                At::AT_SetAccessMethod => storage::access_method(self, command),
                At::AT_SetTableSpace => storage::tablespace(self, command),
                _ => other::change(self, command),
            }
        }
    }

    /// A change with nothing to do for Postgres but its catalogue.
    pub fn light(&self, kind: ChangeKind, tail: Option<String>) -> Change {
        self.with_work(kind, tail, Vec::new())
    }

    /// A change with work. `tail` is the command as SQL.
    pub fn with_work(&self, kind: ChangeKind, tail: Option<String>, work: Vec<Work>) -> Change {
        let sql = tail.map(|tail| self.prefix.clone() + &tail);
        Change { on: Some(self.on.clone()), kind, lock: Some(self.lock), sql, work }
    }

    /// Work on one of its tables under the statement's lock.
    pub fn work(&self, table: Oid, kind: WorkKind) -> Option<Work> {
        held::work(table, kind, self.lock)
    }

    /// Tables with rows of their own among those it recurses to.
    pub fn stored(&self) -> Vec<Oid> {
        self.on.leaves.iter().map(|oid| Oid::from(*oid)).collect()
    }

    /// Where a constraint works that plain children do not inherit: UNIQUE, PRIMARY KEY, FOREIGN KEY. Partitions do.
    pub fn stored_for_keys(&self) -> Vec<Oid> {
        if self.on.partitioned { self.stored() } else { vec![self.oid] }
    }

    /// With ONLY, of a relation from which others inherit.
    pub fn leaves_children_out(&self) -> bool {
        !self.recurses && relation::has_inheritors(self.oid.to_u32())
    }

    /// Commands of a kind.
    pub fn commands_of(&self, subtype: At::Type) -> impl Iterator<Item = &'a pg_sys::AlterTableCmd> + '_ {
        self.commands.iter().copied().filter(move |c| c.subtype == subtype)
    }

    /// Whether the statement drops a column, which it does first.
    pub fn drops_column(&self, name: &str) -> bool {
        self.names_of(At::AT_DropColumn).any(|dropped| dropped == name)
    }

    /// Whether the statement adds a column, and does not say there that it is NOT NULL.
    pub fn adds_column(&self, name: &str) -> bool {
        self.commands_of(At::AT_AddColumn).any(|command| {
            // SAFETY: the tag is checked; the commands are the parser's.
            unsafe {
                definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef).is_some_and(|d| {
                    convert::string(d.colname).as_deref() == Some(name) && !add_column::says_not_null(d)
                })
            }
        })
    }

    /// Whether the statement drops a constraint, which it does first, or an earlier statement of the script did.
    pub fn drops_constraint(&self, name: &str) -> bool {
        self.names_of(At::AT_DropConstraint).any(|dropped| dropped == name)
            || overlay::has_dropped_constraint(self.oid, name)
    }

    fn names_of(&self, subtype: At::Type) -> impl Iterator<Item = String> + '_ {
        // SAFETY: a name is NULL or NUL-terminated.
        self.commands_of(subtype).filter_map(|c| unsafe { convert::string(c.name) })
    }

    /// Columns that the statement makes NOT NULL beside their own definitions.
    pub fn made_not_null(&self) -> Vec<String> {
        // SAFETY: the commands are the parser's.
        self.commands.iter().flat_map(|c| unsafe { column::made_not_null(c) }).collect()
    }

    /// The columns that expressions of the statement may name: those there are, and those it adds.
    ///
    /// # Safety
    /// The commands are the parser's.
    pub unsafe fn namespace(&self) -> &Namespace {
        self.namespace.get_or_init(|| self.make_namespace())
    }

    fn make_namespace(&self) -> Namespace {
        let mut columns = catalogue::attributes(self.oid);
        for column in &mut columns {
            column.dropped |= self.replaces_column(&column.name);
        }
        for command in self.commands_of(At::AT_AddColumn) {
            // SAFETY: the tag is checked.
            let definition = unsafe { node::cast::<pg_sys::ColumnDef>(command.def, NodeTag::T_ColumnDef) };
            // SAFETY: as above. What does not resolve is the statement's own error.
            if let Some(Ok(new)) = definition.map(|d| unsafe { add_column::attribute(&*d) })
                && !columns.iter().any(|c| !c.dropped && c.name == new.name)
            {
                columns.push(new);
            }
        }
        Namespace::new(&self.on.name, &columns)
    }

    /// Whether the statement drops a column and adds one of the same name.
    fn replaces_column(&self, name: &str) -> bool {
        self.drops_column(name)
            && self.commands_of(At::AT_AddColumn).any(|command| {
                // SAFETY: the tag is checked; the commands are the parser's.
                unsafe {
                    definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef)
                        .is_some_and(|d| convert::string(d.colname).as_deref() == Some(name))
                }
            })
    }

    /// A column of the relation, or one that the statement adds.
    pub fn column(&self, name: &str) -> Column {
        if self.replaces_column(name) { new_column(name) } else { self.old_column(name) }
    }

    /// A column of the relation as it is now.
    pub fn old_column(&self, name: &str) -> Column {
        catalogue::attribute_named(self.oid, name).map_or_else(|| new_column(name), |a| as_column(&a))
    }

    /// A free name for a constraint, as Postgres would choose one.
    pub fn free_name(&self, columns: &str, label: &std::ffi::CStr) -> String {
        // What the statement drops is free by then.
        let first = relation::first_name(&self.on.name, columns, label);
        let free = constraint::named(self.oid, &first).is_some_and(|row| self.loses_constraint(self.oid, &row));
        if free || self.drops_constraint(&first) {
            return first;
        }
        // SAFETY: a syscache look-up by oid.
        let schema = unsafe { pg_sys::get_rel_namespace(self.oid) };
        relation::free_name(&self.on.name, columns, label, schema, true)
    }
}

/// A column that is not there yet.
fn new_column(name: &str) -> Column {
    Column { name: name.to_owned(), quoted: relation::quoted(name), ..Column::default() }
}

/// A column as data.
pub fn as_column(attribute: &Attribute) -> Column {
    Column {
        number: attribute.number,
        name: attribute.name.clone(),
        quoted: relation::quoted(&attribute.name),
        type_name: super::expression::type_name(attribute.type_oid, attribute.modifier),
        not_null: attribute.not_null,
    }
}

/// The definition behind a command, if it is one.
///
/// # Safety
/// `command` is the parser's.
unsafe fn definition<T>(command: &pg_sys::AlterTableCmd, tag: NodeTag) -> Option<&T> {
    // SAFETY: the tag of `T` is checked.
    unsafe { node::cast::<T>(command.def, tag).map(|d| &*d) }
}

/// Whether a raw expression is there.
fn present(expression: *mut Node) -> Option<*mut Node> {
    (!expression.is_null()).then_some(expression)
}
