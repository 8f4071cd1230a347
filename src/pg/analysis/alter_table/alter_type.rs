//! ALTER COLUMN TYPE: whether the rows are rewritten, and what else depends on the column.

use std::collections::HashMap;

use pgrx::pg_sys::{self, AlterTableType as At, Node, NodeTag, Oid};

use super::foreign_key::Remade;
use super::{Alteration, definition, foreign_key, present, refused};
use crate::ddl::{Change, ChangeKind, Work, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{
    self, ATTRIBUTE_DEFAULT, Attribute, CLASS, CLASS_BY_OID, CONSTRAINT, CONSTRAINT_BY_OID, Catalogue, DEPENDENTS_OF,
    INDEX_BY_OID, Key, Row,
};
use crate::pg::analysis::expression::{self, Namespace};
use crate::pg::analysis::{overlay, prior, row_type};
use crate::pg::{convert, node, relation, versions};

/// pg_attrdef by oid.
const DEFAULT_BY_OID: Catalogue = Catalogue { oid: ATTRIBUTE_DEFAULT, index: 2657 };

/// Columns that get another type or collation: by number, in one table.
pub type Altered = HashMap<i16, (Oid, Oid)>;

/// ALTER COLUMN ... TYPE.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn change(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise; names are NUL-terminated.
    unsafe {
        let name = convert::string(command.name).unwrap_or_default();
        let (Some(written), Some(old)) = (
            definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef),
            catalogue::attribute_named(alteration.oid, &name),
        ) else {
            return Ok(alteration.light(ChangeKind::OtherAlter, None));
        };
        // The definition behind TYPE has no name.
        let new = Attribute { name: name.clone(), ..super::add_column::attribute(written)? };
        let namespace = alteration.namespace();
        let using = present(written.raw_default);
        // An enum that the script makes is in no catalogue yet; it is stored like no type before.
        let is_new_enum = overlay::new_type(written.typeName).is_some_and(|new| new.is_enum);
        let transform = match using {
            Some(_) if is_new_enum => None,
            Some(using) => namespace.transform(using, pg_sys::ParseExprKind::EXPR_KIND_ALTER_COL_TRANSFORM)?,
            None => Some(variable(&old)),
        };
        // What cannot be read is no plain reference to the column.
        let needs_rewrite = match transform {
            Some(transform) => namespace_rewrites(namespace, transform, &old, &new)?,
            None => Some(true),
        };
        let rewritten = old.generated != 'v' && needs_rewrite == Some(true);
        // The types of a script may be others that stand for them.
        let impossible = needs_rewrite.is_none() && !prior::in_script();
        let mut found = Found { doomed: impossible || alteration.leaves_children_out(), ..Found::default() };
        for table in &alteration.tables {
            found.table(alteration, *table, &new, rewritten)?;
        }
        let named = overlay::new_type_name(written.typeName);
        let mut to = named.unwrap_or_else(|| expression::type_name(new.type_oid, new.modifier));
        if !written.collClause.is_null() {
            to.push_str(&format!(" COLLATE {}", expression::dotted((*written.collClause).collname)));
        }
        let column = super::as_column(&old);
        let has_using = using.is_some();
        let using = match using {
            Some(_) if is_new_enum => None,
            Some(raw) => namespace.rewrite(raw, pg_sys::ParseExprKind::EXPR_KIND_ALTER_COL_TRANSFORM)?,
            None => None,
        };
        let tail = match &using {
            Some(using) => Some(format!("ALTER COLUMN {} TYPE {to} USING {using}", column.quoted)),
            None if has_using => None,
            None => Some(format!("ALTER COLUMN {} TYPE {to}", column.quoted)),
        };
        let Found { rechecked, rebuilt, revalidated, doomed: refused, used, work } = found;
        // It raises an error before it looks at any row.
        let (work, withheld) = match (refused, used) {
            (true, _) => (Vec::new(), Vec::new()),
            (false, true) => (Vec::new(), work),
            (false, false) => (work, Vec::new()),
        };
        let dropped = refused::dropped_first(alteration, alteration.oid);
        let kind =
            ChangeKind::AlterType { column, to, using, rechecked, rebuilt, revalidated, withheld, dropped, refused };
        Ok(alteration.with_work(kind, tail, work))
    }
}

#[derive(Default)]
struct Found {
    rechecked: Vec<u32>,
    rebuilt: Vec<u32>,
    revalidated: Vec<u32>,
    /// Postgres refuses it.
    doomed: bool,
    /// It refuses it for as long as other objects use the column.
    used: bool,
    work: Vec<Work>,
}

impl Found {
    /// What the change means for one table of the tree.
    ///
    /// # Safety
    /// The alteration's commands are the parser's.
    unsafe fn table(
        &mut self,
        alteration: &Alteration<'_>,
        table: Oid,
        new: &Attribute,
        rewritten: bool,
    ) -> Result<()> {
        let Some(attribute) = catalogue::attribute_named(table, &new.name) else { return Ok(()) };
        let dependents = Dependents::of(table, attribute.number);
        let dropped = refused::dropped_first(alteration, table);
        self.used |= dependents.forbid_type_change(table, attribute.number, &dropped);
        self.doomed |= refused::is_partition_key(table, attribute.number) || row_type::is_stored_elsewhere(table);
        // SAFETY: the caller's promise.
        self.doomed |= unsafe { refused::keeps_default(alteration, table, &attribute, new)? };
        if rewritten {
            self.work.extend(alteration.work(table, WorkKind::Rewrite));
        } else {
            // SAFETY: the caller's promise.
            let altered = unsafe { altered(alteration, table)? };
            let checks: Vec<&Row> = dependents
                .constraints
                .iter()
                .filter(|row| row.character(c"contype") == 'c' && is_enforced(row))
                .filter(|row| !alteration.loses_constraint(table, row))
                .collect();
            if !checks.is_empty() {
                self.work.extend(alteration.work(table, WorkKind::Scan));
                self.rechecked.extend(checks.iter().map(|row| row.oid(c"oid")));
            }
            for index in dependents.indexes(alteration) {
                // An index goes with any column in it.
                if !dropped.contains(&index.to_u32()) && !is_reusable(index, table, &altered) {
                    self.rebuilt.push(index.to_u32());
                    self.work.extend(alteration.work(table, WorkKind::Build));
                }
            }
        }
        for row in dependents.foreign_keys(alteration) {
            // SAFETY: the caller's promise.
            match unsafe { foreign_key::remade(alteration, row)? } {
                Remade::Impossible => self.doomed = true,
                Remade::Kept if !rewritten => {}
                _ => {
                    self.revalidated.push(row.oid(c"oid"));
                    self.work.extend(foreign_key::validation(alteration, row)?);
                }
            }
        }
        Ok(())
    }
}

/// Whether a constraint is checked when it is made again: it holds now.
pub fn is_enforced(row: &Row) -> bool {
    row.boolean(c"convalidated") == Some(true) && row.boolean(c"conenforced") != Some(false)
}

/// The columns of a table that the statement gives another type, with type and collation.
///
/// # Safety
/// The alteration's commands are the parser's.
pub unsafe fn altered(alteration: &Alteration<'_>, table: Oid) -> Result<Altered> {
    let mut altered = Altered::new();
    if !alteration.tables.contains(&table) {
        return Ok(altered);
    }
    for command in alteration.commands_of(At::AT_AlterColumnType) {
        // SAFETY: the caller's promise; the tag is checked.
        unsafe {
            let name = convert::string(command.name).unwrap_or_default();
            if let (Some(written), Some(old)) = (
                definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef),
                catalogue::attribute_named(table, &name),
            ) {
                let new = super::add_column::attribute(written)?;
                altered.insert(old.number, (new.type_oid, new.collation));
            }
        }
    }
    Ok(altered)
}

/// A column as the statement leaves it that gives it another type: that comes before SET DEFAULT.
///
/// # Safety
/// The alteration's commands are the parser's.
pub unsafe fn retyped(alteration: &Alteration<'_>, name: &str) -> Result<Option<Attribute>> {
    for command in alteration.commands_of(At::AT_AlterColumnType) {
        // SAFETY: the caller's promise; the tag is checked.
        unsafe {
            let is_it = convert::string(command.name).as_deref() == Some(name);
            if let Some(written) = definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef).filter(|_| is_it) {
                return Ok(Some(Attribute { name: name.to_owned(), ..super::add_column::attribute(written)? }));
            }
        }
    }
    Ok(None)
}

/// The column itself, as an expression.
///
/// # Safety
/// Makes a node in the current memory context.
unsafe fn variable(column: &Attribute) -> *mut Node {
    // SAFETY: a maker of Postgres's.
    unsafe { pg_sys::makeVar(1, column.number, column.type_oid, column.modifier, column.collation, 0).cast() }
}

/// Whether the rows are rewritten; `None` when there is no cast.
///
/// # Safety
/// `transform` was transformed in the namespace.
unsafe fn namespace_rewrites(
    namespace: &Namespace,
    transform: *mut Node,
    old: &Attribute,
    new: &Attribute,
) -> Result<Option<bool>> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(coerced) = namespace.coerce(transform, new) else { return Ok(None) };
        let planned = expression::planned(coerced)?;
        Ok(Some(requires_rewrite(planned, old.number)))
    }
}

/// The loop of ATColumnChangeRequiresRewrite: what leaves the stored bytes as they are.
///
/// # Safety
/// `expression` was planned.
unsafe fn requires_rewrite(mut expression: *mut Node, number: i16) -> bool {
    // SAFETY: every cast follows the tag; arguments of these nodes are never NULL.
    unsafe {
        loop {
            if let Some(variable) = node::cast::<pg_sys::Var>(expression, NodeTag::T_Var) {
                return (*variable).varattno != number;
            } else if let Some(relabel) = node::cast::<pg_sys::RelabelType>(expression, NodeTag::T_RelabelType) {
                expression = (*relabel).arg.cast();
            } else if let Some(domain) = node::cast::<pg_sys::CoerceToDomain>(expression, NodeTag::T_CoerceToDomain) {
                if pg_sys::DomainHasConstraints((*domain).resulttype) {
                    return true;
                }
                expression = (*domain).arg.cast();
            } else if let Some(call) = node::cast::<pg_sys::FuncExpr>(expression, NodeTag::T_FuncExpr) {
                let between_timestamps = [pg_sys::F_TIMESTAMPTZ_TIMESTAMP, pg_sys::F_TIMESTAMP_TIMESTAMPTZ]
                    .contains(&(*call).funcid.to_u32());
                if !between_timestamps || pg_sys::TimestampTimestampTzRequiresRewrite() {
                    return true;
                }
                let Some(argument) = node::elements((*call).args).first().copied() else { return true };
                expression = argument;
            } else {
                return true;
            }
        }
    }
}

/// What depends on a column, by pg_depend.
pub struct Dependents {
    rows: Vec<(u32, u32)>,
    /// Constraints of the table, and foreign keys of others that reference the column.
    constraints: Vec<Row>,
}

impl Dependents {
    /// Of a column.
    pub fn of(table: Oid, number: i16) -> Self {
        let keys = [
            Key::Oid(c"refclassid", CLASS),
            Key::Oid(c"refobjid", table.to_u32()),
            Key::Int(c"refobjsubid", i32::from(number)),
        ];
        let rows: Vec<(u32, u32)> =
            DEPENDENTS_OF.rows(&keys).iter().map(|row| (row.oid(c"classid"), row.oid(c"objid"))).collect();
        let mut oids: Vec<u32> = rows.iter().filter(|(class, _)| *class == CONSTRAINT).map(|(_, oid)| *oid).collect();
        oids.sort_unstable();
        oids.dedup();
        let constraints = oids.iter().flat_map(|oid| CONSTRAINT_BY_OID.rows(&[Key::Oid(c"oid", *oid)])).collect();
        Self { rows, constraints }
    }

    /// A CHECK constraint that holds now.
    pub fn has_checks(&self) -> bool {
        self.constraints.iter().any(|row| row.character(c"contype") == 'c' && is_enforced(row))
    }

    /// Indexes on the column, those of constraints included.
    fn indexes(&self, alteration: &Alteration<'_>) -> Vec<Oid> {
        let own = self.rows.iter().filter(|(class, _)| *class == CLASS).map(|(_, oid)| Oid::from(*oid));
        let own = own.filter(|oid| relation::kind_of(*oid) == pg_sys::RELKIND_INDEX);
        let constraints = self
            .constraints
            .iter()
            .filter(|row| ['p', 'u', 'x'].contains(&row.character(c"contype")))
            .filter(|row| !alteration.loses_constraint(Oid::from(row.oid(c"conrelid")), row))
            .map(|row| Oid::from(row.oid(c"conindid")));
        let mut all: Vec<Oid> = own.chain(constraints).collect();
        all.sort_unstable_by_key(|oid| oid.to_u32());
        all.dedup();
        all
    }

    /// Foreign keys of the column or to it, that hold now.
    fn foreign_keys<'b>(&'b self, alteration: &'b Alteration<'_>) -> impl Iterator<Item = &'b Row> {
        self.constraints
            .iter()
            .filter(|row| row.character(c"contype") == 'f' && is_enforced(row))
            .filter(|row| !alteration.loses_constraint(Oid::from(row.oid(c"conrelid")), row))
    }

    /// Foreign keys that are checked again because the rows are rewritten.
    pub fn peers(&self, alteration: &Alteration<'_>, rewritten: bool) -> Result<Vec<Work>> {
        let mut work = Vec::new();
        if rewritten {
            for row in self.foreign_keys(alteration) {
                work.extend(foreign_key::validation(alteration, row)?);
            }
        }
        Ok(work)
    }

    /// What RememberAllDependentForRebuilding refuses: views and rules, functions with a parsed body, triggers, policies,
    /// publications' conditions, other columns' generation expressions. Not what is dropped before.
    fn forbid_type_change(&self, table: Oid, number: i16, dropped: &[u32]) -> bool {
        /// pg_proc, pg_rewrite, pg_trigger, pg_policy, pg_publication_rel.
        const REFUSED: [u32; 5] = [1255, 2618, 2620, 3256, 6106];
        self.rows.iter().filter(|(_, oid)| !dropped.contains(oid)).any(|(class, oid)| {
            REFUSED.contains(class)
                || (*class == ATTRIBUTE_DEFAULT
                    && DEFAULT_BY_OID
                        .rows(&[Key::Oid(c"oid", *oid)])
                        .iter()
                        .any(|row| row.oid(c"adrelid") != table.to_u32() || row.small(c"adnum") != number))
        })
    }
}

/// Whether an index keeps its files, as CheckIndexCompatible decides.
fn is_reusable(index: Oid, table: Oid, altered: &Altered) -> bool {
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]);
    let classes = CLASS_BY_OID.rows(&[Key::Oid(c"oid", index.to_u32())]);
    let (Some(row), Some(class)) = (rows.first(), classes.first()) else { return true };
    // The index of a partition is dropped with its parent's and made by it, from nothing.
    if class.boolean(c"relispartition") == Some(true)
        || !row.is_null(c"indpred")
        || !row.is_null(c"indexprs")
        || row.boolean(c"indisvalid") != Some(true)
    {
        return false;
    }
    let method = Oid::from(class.oid(c"relam"));
    let (operator_classes, collations) = (row.oid_array(c"indclass"), row.oid_array(c"indcollation"));
    let keys = row.small_array(c"indkey");
    // A polymorphic operator class stores what it makes of the column's type.
    let stores_other = keys.iter().zip(&operator_classes).enumerate().any(|(i, (number, opclass))| {
        // SAFETY: a syscache look-up by oid.
        let input = unsafe { pg_sys::get_opclass_input_type(*opclass) };
        let stored = catalogue::attribute(index, i as i16 + 1).map(|a| a.type_oid);
        let new = altered.get(number).map(|new| new.0);
        let new = new.or_else(|| catalogue::attribute(table, *number).map(|a| a.type_oid));
        versions::is_polymorphic(input) && stored != new
    });
    !stores_other
        && keys.iter().zip(operator_classes.iter().zip(&collations)).all(|(number, (opclass, collation))| {
            let (Some((type_oid, new_collation)), Some(old)) =
                (altered.get(number), catalogue::attribute(table, *number))
            else {
                return true;
            };
            // SAFETY: syscache look-ups by oid.
            unsafe {
                // Only what differs from the column's default is written in the definition that is parsed again.
                let by_default = pg_sys::GetDefaultOpClass(old.type_oid, method) == *opclass;
                let new_class = if by_default { pg_sys::GetDefaultOpClass(*type_oid, method) } else { *opclass };
                let kept_collation = if *collation == old.collation { *new_collation } else { *collation };
                new_class == *opclass && kept_collation == *collation
            }
        })
}
