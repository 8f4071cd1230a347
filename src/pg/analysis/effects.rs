//! What a statement of a script does, as far as the analysis of later ones must know it.

use pgrx::pg_sys::{self, NodeTag, ObjectType};

use super::prior::{self, Place};
use crate::ddl::{Change, ChangeKind, ConstraintKind, Effect, Filling, NewColumn, PriorColumn, PriorConstraint};
use crate::error::Result;
use crate::pg::{convert, node, relation};

/// The effects of a statement, of which `changes` are known already.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn of(statement: *mut pg_sys::Node, changes: &[Change]) -> Result<Vec<Effect>> {
    // SAFETY: the caller's promise.
    let mut effects = unsafe { by_name(statement, None) }?;
    for change in changes {
        of_change(change, &mut effects);
    }
    Ok(effects)
}

/// Names that appear, disappear or change. `schema` is that of a CREATE SCHEMA around the statement.
///
/// # Safety
/// As for [`of`].
unsafe fn by_name(statement: *mut pg_sys::Node, schema: Option<&str>) -> Result<Vec<Effect>> {
    // SAFETY: every cast follows the tag; CreateForeignTableStmt begins with a CreateStmt.
    unsafe {
        Ok(match (*statement).type_ {
            NodeTag::T_CreateStmt | NodeTag::T_CreateForeignTableStmt => {
                created((*statement.cast::<pg_sys::CreateStmt>()).relation, schema)
            }
            NodeTag::T_CreateTableAsStmt => {
                let into = (*statement.cast::<pg_sys::CreateTableAsStmt>()).into;
                if into.is_null() { Vec::new() } else { created((*into).rel, schema) }
            }
            NodeTag::T_SelectStmt => {
                let into = (*statement.cast::<pg_sys::SelectStmt>()).intoClause;
                if into.is_null() { Vec::new() } else { created((*into).rel, schema) }
            }
            NodeTag::T_ViewStmt => created((*statement.cast::<pg_sys::ViewStmt>()).view, schema),
            NodeTag::T_CreateSeqStmt => created((*statement.cast::<pg_sys::CreateSeqStmt>()).sequence, schema),
            NodeTag::T_CompositeTypeStmt => created((*statement.cast::<pg_sys::CompositeTypeStmt>()).typevar, schema),
            NodeTag::T_IndexStmt => index(&*statement.cast::<pg_sys::IndexStmt>())?,
            NodeTag::T_CreateSchemaStmt => schema_with_elements(&*statement.cast::<pg_sys::CreateSchemaStmt>())?,
            NodeTag::T_DropStmt => dropped(&*statement.cast::<pg_sys::DropStmt>())?,
            NodeTag::T_RenameStmt => renamed(&*statement.cast::<pg_sys::RenameStmt>())?,
            NodeTag::T_AlterObjectSchemaStmt => {
                let alter = &*statement.cast::<pg_sys::AlterObjectSchemaStmt>();
                let to = convert::string(alter.newschema).unwrap_or_default();
                match if alter.relation.is_null() { None } else { prior::resolve(alter.relation)? } {
                    Some(place) => vec![moved(place.clone(), (to, place.name))],
                    None => Vec::new(),
                }
            }
            NodeTag::T_TruncateStmt => truncated(&*statement.cast::<pg_sys::TruncateStmt>())?,
            _ => Vec::new(),
        })
    }
}

/// A new relation, unless the name is taken: then the statement does nothing, or fails.
///
/// # Safety
/// `name` is NULL or a RangeVar.
unsafe fn created(name: *const pg_sys::RangeVar, schema: Option<&str>) -> Vec<Effect> {
    // SAFETY: the caller's promise.
    unsafe {
        if name.is_null() {
            return Vec::new();
        }
        let Some(relation) = convert::string((*name).relname) else { return Vec::new() };
        let own = (*name).schemaname.is_null().then(|| schema.map(str::to_owned)).flatten();
        let Some(schema) = own.or_else(|| prior::creation_schema(name)) else { return Vec::new() };
        if prior::at(schema.clone(), &relation).is_some() {
            return Vec::new();
        }
        vec![Effect::Created(schema, relation)]
    }
}

/// An index lives in the schema of its table.
///
/// # Safety
/// As for [`of`].
unsafe fn index(statement: &pg_sys::IndexStmt) -> Result<Vec<Effect>> {
    // SAFETY: names are NULL or NUL-terminated.
    unsafe {
        let (Some(name), false) = (convert::string(statement.idxname), statement.relation.is_null()) else {
            return Ok(Vec::new());
        };
        let Some(table) = prior::resolve(statement.relation)? else { return Ok(Vec::new()) };
        if prior::at(table.schema.clone(), &name).is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![Effect::Created(table.schema, name)])
    }
}

/// CREATE SCHEMA, also with the relations it brings.
///
/// # Safety
/// As for [`of`].
unsafe fn schema_with_elements(create: &pg_sys::CreateSchemaStmt) -> Result<Vec<Effect>> {
    // SAFETY: names are NULL or NUL-terminated; a schema without name is called after its owner.
    unsafe {
        let owner = || if create.authrole.is_null() { None } else { convert::string((*create.authrole).rolename) };
        let Some(name) = convert::string(create.schemaname).or_else(owner) else { return Ok(Vec::new()) };
        let known = prior::ask(|prior| prior.schema(&name).map(str::to_owned)).flatten();
        if let Some(real) = known {
            let real = convert::c_string(&real);
            if pg_sys::LookupNamespaceNoError(real.as_ptr()) != pg_sys::Oid::INVALID {
                return Ok(Vec::new());
            }
        }
        let mut effects = vec![Effect::SchemaCreated(name.clone())];
        for element in node::elements(create.schemaElts) {
            effects.extend(by_name(element, Some(&name))?);
        }
        Ok(effects)
    }
}

/// # Safety
/// As for [`of`].
unsafe fn dropped(drop: &pg_sys::DropStmt) -> Result<Vec<Effect>> {
    // SAFETY: relations are dropped by lists of names, schemas by names.
    unsafe {
        let objects = node::elements(drop.objects);
        if drop.removeType == ObjectType::OBJECT_SCHEMA {
            return Ok(node::strings(drop.objects).into_iter().map(Effect::SchemaRemoved).collect());
        }
        let relations = [
            ObjectType::OBJECT_TABLE,
            ObjectType::OBJECT_INDEX,
            ObjectType::OBJECT_VIEW,
            ObjectType::OBJECT_MATVIEW,
            ObjectType::OBJECT_SEQUENCE,
            ObjectType::OBJECT_FOREIGN_TABLE,
        ];
        let mut effects = Vec::new();
        if relations.contains(&drop.removeType) {
            for name in objects {
                let Some(list) = node::cast::<pg_sys::List>(name, NodeTag::T_List) else { continue };
                if let Some(place) = prior::resolve(pg_sys::makeRangeVarFromNameList(list))? {
                    effects.push(Effect::Removed(place.schema, place.name));
                }
            }
        }
        Ok(effects)
    }
}

/// # Safety
/// As for [`of`].
unsafe fn renamed(rename: &pg_sys::RenameStmt) -> Result<Vec<Effect>> {
    // SAFETY: names are NULL or NUL-terminated.
    unsafe {
        let (from, to) = (convert::string(rename.subname), convert::string(rename.newname).unwrap_or_default());
        if rename.renameType == ObjectType::OBJECT_SCHEMA {
            return Ok(from.map(|from| Effect::SchemaRenamed { from, to }).into_iter().collect());
        }
        let place = if rename.relation.is_null() { None } else { prior::resolve(rename.relation)? };
        let Some(place) = place else { return Ok(Vec::new()) };
        Ok(match (rename.renameType, from, place.oid) {
            (ObjectType::OBJECT_COLUMN, Some(from), Some(oid)) => {
                vec![Effect::ColumnRenamed { relation: oid.to_u32(), from, to }]
            }
            (
                ObjectType::OBJECT_TABLE
                | ObjectType::OBJECT_VIEW
                | ObjectType::OBJECT_MATVIEW
                | ObjectType::OBJECT_INDEX
                | ObjectType::OBJECT_SEQUENCE
                | ObjectType::OBJECT_FOREIGN_TABLE,
                ..,
            ) => {
                let schema = place.schema.clone();
                vec![moved(place, (schema, to))]
            }
            _ => Vec::new(),
        })
    }
}

fn moved(place: Place, to: (String, String)) -> Effect {
    Effect::Moved { oid: place.oid.map(pg_sys::Oid::to_u32), from: (place.schema, place.name), to }
}

/// # Safety
/// As for [`of`].
unsafe fn truncated(truncate: &pg_sys::TruncateStmt) -> Result<Vec<Effect>> {
    let mut effects = Vec::new();
    // SAFETY: the list holds RangeVars.
    unsafe {
        for name in node::elements(truncate.relations) {
            let Some(name) = node::cast::<pg_sys::RangeVar>(name, NodeTag::T_RangeVar) else { continue };
            let Some(oid) = relation::lookup(name)? else { continue };
            let tables = if (*name).inh { relation::inheritors(oid)? } else { vec![oid] };
            effects.extend(tables.into_iter().map(|table| Effect::Emptied(table.to_u32())));
        }
    }
    Ok(effects)
}

/// What a change of a relation that exists does to it: locks, columns, constraints.
fn of_change(change: &Change, effects: &mut Vec<Effect>) {
    let Some(on) = &change.on else { return };
    let oid = on.oid;
    if let Some(lock) = change.lock {
        effects.extend(on.leaves.iter().chain([&oid]).map(|relation| Effect::Locked(*relation, lock)));
    }
    match &change.kind {
        ChangeKind::AddColumn { new, .. } => effects.push(Effect::ColumnAdded(oid, column(new))),
        ChangeKind::DropColumn { column, .. } => effects.push(Effect::ColumnRemoved(oid, column.name.clone())),
        ChangeKind::SetNotNull { column, .. } => effects.push(Effect::NotNull(oid, column.name.clone(), true)),
        ChangeKind::DropNotNull { column } => effects.push(Effect::NotNull(oid, column.name.clone(), false)),
        ChangeKind::AddConstraint(new) => {
            let name = new.given_name.clone().unwrap_or_else(|| new.quoted.clone());
            let valid = !new.not_valid && !new.not_enforced;
            effects.push(Effect::ConstraintAdded(
                oid,
                PriorConstraint { name, kind: new.kind, valid, proves: Vec::new() },
            ));
            if new.kind == ConstraintKind::PrimaryKey {
                effects.extend(new.columns.iter().map(|c| Effect::NotNull(oid, c.name.clone(), true)));
            }
            if let Some(references) = &new.references {
                effects.push(Effect::Locked(references.oid, crate::ddl::LockMode::ShareRowExclusive));
            }
        }
        ChangeKind::ValidateConstraint { name, .. } => effects.push(Effect::ConstraintValidated(oid, name.clone())),
        ChangeKind::DropConstraint { name, .. } => effects.push(Effect::ConstraintRemoved(oid, name.clone())),
        _ => {}
    }
}

/// A new column, with what rows that exist will hold in it.
fn column(new: &NewColumn) -> PriorColumn {
    let value = match &new.filling {
        Filling::Once(constant) => constant.clone(),
        _ => "NULL".to_owned(),
    };
    PriorColumn {
        name: new.column.name.clone(),
        type_name: new.column.type_name.clone(),
        not_null: new.required || new.column.not_null,
        value,
    }
}
