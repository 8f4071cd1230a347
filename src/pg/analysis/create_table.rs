//! CREATE TABLE: what it means for tables that are there already.

use pgrx::pg_sys::{self, ConstrType, CreateStmt, NodeTag, Oid};

use super::bound::Parent;
use super::{barrier, catalogue, held, index_statement, partition, prior, proof};
use crate::ddl::{Change, ChangeKind, LockMode, NewTable, Relation, Unproven, WorkKind};
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, relation, statement_text, versions};

/// The statement as a change; `None` when Postgres is about to refuse it.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &CreateStmt, foreign: bool) -> Result<Option<Change>> {
    // SAFETY: names are part of the tree.
    unsafe {
        if statement.relation.is_null() {
            return Ok(None);
        }
        let name = convert::string((*statement.relation).relname).unwrap_or_default();
        let Some((schema_name, found)) = place(statement.relation, &name) else { return Ok(None) };
        let exists = found.is_some();
        if exists && !statement.if_not_exists {
            return Ok(None);
        }
        let mut table = NewTable {
            quoted: relation::qualified(&schema_name, &name),
            exists,
            temporary: (*statement.relation).relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP,
            partition_of: None,
            bound: None,
            unproven: None,
            clauses: if foreign { None } else { clauses(statement) },
            references: Vec::new(),
        };
        if let Some(found) = found {
            // One that the script makes is nobody's old table.
            let Some(found) = found else { return Ok(None) };
            let on = relation::describe(found, false)?;
            return Ok(Some(with_work(Some(on), table, None, None)));
        }
        table.references = references(statement)?;
        let mut on = None;
        if !statement.partbound.is_null() {
            let Some(parent) = parent(statement)? else { return Ok(None) };
            table.unproven = of_default(statement, parent, &name, &mut table.bound)?;
            let described = relation::describe(parent, false)?;
            if let Some((_, behind)) = &mut table.clauses {
                inherit_storage(statement, parent, behind);
            }
            table.partition_of = Some(described.clone());
            on = Some(described);
        }
        let lock = on.as_ref().map(|_| LockMode::AccessExclusive);
        Ok(Some(with_work(on, table, lock, statement_text::on_one_line(statement))))
    }
}

/// The schema it is made in, and what has the name there: an oid, or `Some(None)` for what an earlier statement of the
/// script makes.
///
/// # Safety
/// `relation` points to a RangeVar.
unsafe fn place(relation: *const pg_sys::RangeVar, name: &str) -> Option<(String, Option<Option<Oid>>)> {
    // SAFETY: the caller's promise; names are NUL-terminated.
    unsafe {
        if prior::in_script() {
            let schema = prior::creation_schema(relation)?;
            let found = prior::at(schema.clone(), name).map(|place| place.oid);
            return Some((schema, found));
        }
        let schema = pg_sys::RangeVarGetCreationNamespace(relation);
        let found = pg_sys::get_relname_relid((*relation).relname, schema);
        let schema = convert::string(pg_sys::get_namespace_name(schema)).unwrap_or_default();
        Some((schema, (found != Oid::INVALID).then_some(Some(found))))
    }
}

fn with_work(on: Option<Relation>, table: NewTable, lock: Option<LockMode>, typed: Option<String>) -> Change {
    let scanned = table.unproven.iter().flat_map(|u| &u.scanned);
    let work =
        scanned.filter_map(|leaf| held::work(Oid::from(*leaf), WorkKind::Scan, LockMode::AccessExclusive)).collect();
    let sql = match (&table.partition_of, &table.bound, &table.clauses) {
        (Some(parent), Some(bound), Some((before, behind))) => {
            Some(format!("CREATE {before}TABLE {} PARTITION OF {} {bound}{behind}", table.quoted, parent.quoted))
        }
        _ => typed,
    };
    Change { on, kind: ChangeKind::CreateTable(table), lock, sql, work }
}

/// PARTITION OF: that table, if it is a partitioned one of the current user's.
///
/// # Safety
/// As for [`change`].
unsafe fn parent(statement: &CreateStmt) -> Result<Option<Oid>> {
    // SAFETY: the tag is checked before the cast.
    unsafe {
        let parents = node::elements(statement.inhRelations);
        let Some(name) = parents.first().and_then(|n| node::cast::<pg_sys::RangeVar>(*n, NodeTag::T_RangeVar)) else {
            return Ok(None);
        };
        let Some(oid) = relation::lookup(name)? else { return Ok(None) };
        let fits = relation::kind_of(oid) == pg_sys::RELKIND_PARTITIONED_TABLE && versions::is_relation_owner(oid);
        Ok(fits.then_some(oid))
    }
}

/// The DEFAULT partition, if it is scanned. Sets the bound, when it can be read.
///
/// # Safety
/// As for [`change`].
unsafe fn of_default(
    statement: &CreateStmt,
    parent: Oid,
    name: &str,
    text: &mut Option<String>,
) -> Result<Option<Unproven>> {
    // SAFETY: the bound is part of the tree; look-ups by oid.
    unsafe {
        if let Some(parents) = Parent::open(parent)? {
            match parents.bound(statement.partbound, name, false) {
                // A user's function is in the bound: only Postgres may run it.
                Err(error) if barrier::is_stop(&error) => {}
                bound => {
                    let bound = bound?;
                    *text = Some(bound.text.clone());
                    return match parents.default()?.filter(|_| !bound.is_default) {
                        Some(default) => partition::of_default(default, &bound, &parents, proof::scanned_by_create),
                        None => Ok(None),
                    };
                }
            }
        }
        let default = boundary::catch(|| raw::get_default_partition_oid(parent))?;
        let none = default == Oid::INVALID || (*statement.partbound).is_default;
        let scanned =
            if none || proof::has_checks(default) { Vec::new() } else { proof::without_constraints(default)? };
        if scanned.is_empty() { Ok(None) } else { proof::unread(default, true, &scanned).map(Some) }
    }
}

/// What stands before TABLE and behind the list of columns, as SQL; `None` when columns or constraints are listed, or when
/// a part cannot be written.
///
/// # Safety
/// As for [`change`].
unsafe fn clauses(statement: &CreateStmt) -> Option<(String, String)> {
    // SAFETY: names are NULL or NUL-terminated; lists are of nodes.
    unsafe {
        if !statement.tableElts.is_null() || statement.oncommit != pg_sys::OnCommitAction::ONCOMMIT_NOOP {
            return None;
        }
        let before = match (*statement.relation).relpersistence as u8 {
            pg_sys::RELPERSISTENCE_UNLOGGED => "UNLOGGED ",
            pg_sys::RELPERSISTENCE_PERMANENT => "",
            _ => return None,
        };
        let mut behind = String::new();
        if !statement.partspec.is_null() {
            behind.push_str(&format!(" PARTITION BY {}", partition_key(&*statement.partspec)?));
        }
        if let Some(method) = convert::string(statement.accessMethod) {
            behind.push_str(&format!(" USING {}", relation::quoted(&method)));
        }
        if let Some(options) = index_statement::options(statement.options) {
            behind.push_str(&format!(" WITH ({options})"));
        }
        if let Some(tablespace) = convert::string(statement.tablespacename) {
            behind.push_str(&format!(" TABLESPACE {}", relation::quoted(&tablespace)));
        }
        Some((before.to_owned(), behind))
    }
}

/// What a partition takes over from its parent and a copy would not: the tablespace and, from 17, the access method.
///
/// # Safety
/// As for [`change`].
unsafe fn inherit_storage(statement: &CreateStmt, parent: Oid, behind: &mut String) {
    let Some(row) = catalogue::class(parent) else { return };
    // SAFETY: look-ups by oid.
    unsafe {
        let method = Oid::from(row.oid(c"relam"));
        if statement.accessMethod.is_null()
            && method != Oid::INVALID
            && let Some(method) = convert::string(pg_sys::get_am_name(method))
        {
            let at = behind.find(" WITH (").or_else(|| behind.find(" TABLESPACE ")).unwrap_or(behind.len());
            behind.insert_str(at, &format!(" USING {}", relation::quoted(&method)));
        }
        let tablespace = Oid::from(row.oid(c"reltablespace"));
        if statement.tablespacename.is_null()
            && tablespace != Oid::INVALID
            && let Some(tablespace) = convert::string(pg_sys::get_tablespace_name(tablespace))
        {
            behind.push_str(&format!(" TABLESPACE {}", relation::quoted(&tablespace)));
        }
    }
}

/// `RANGE (a, b)`; `None` where expressions are among the keys.
///
/// # Safety
/// The parser's tree.
unsafe fn partition_key(spec: &pg_sys::PartitionSpec) -> Option<String> {
    // SAFETY: the tag is checked before the cast; names are NULL or NUL-terminated.
    unsafe {
        let keys: Option<Vec<String>> = node::elements(spec.partParams)
            .into_iter()
            .map(|n| {
                let element = &*node::cast::<pg_sys::PartitionElem>(n, NodeTag::T_PartitionElem)?;
                let mut key = relation::quoted(&convert::string(element.name)?);
                if !element.collation.is_null() {
                    let name = convert::string(pg_sys::NameListToQuotedString(element.collation))?;
                    key.push_str(&format!(" COLLATE {name}"));
                }
                if !element.opclass.is_null() {
                    let name = convert::string(pg_sys::NameListToQuotedString(element.opclass))?;
                    key.push_str(&format!(" {name}"));
                }
                Some(key)
            })
            .collect();
        Some(format!("{} ({})", versions::partition_strategy(spec)?, keys?.join(", ")))
    }
}

/// Constraints, and columns with theirs.
///
/// # Safety
/// As for [`change`].
unsafe fn references(statement: &CreateStmt) -> Result<Vec<Relation>> {
    let mut found: Vec<Relation> = Vec::new();
    // SAFETY: every cast follows the tag.
    unsafe {
        for element in node::elements(statement.tableElts) {
            let of_column = node::cast::<pg_sys::ColumnDef>(element, NodeTag::T_ColumnDef)
                .map(|column| node::elements((*column).constraints))
                .unwrap_or_default();
            for written in of_column.into_iter().chain([element]) {
                let Some(constraint) = node::cast::<pg_sys::Constraint>(written, NodeTag::T_Constraint) else {
                    continue;
                };
                if (*constraint).contype != ConstrType::CONSTR_FOREIGN || (*constraint).pktable.is_null() {
                    continue;
                }
                if let Some(oid) = relation::lookup((*constraint).pktable)?
                    && found.iter().all(|known| known.oid != oid.to_u32())
                {
                    found.push(relation::describe(oid, true)?);
                }
            }
        }
    }
    Ok(found)
}
