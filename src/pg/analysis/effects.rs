//! What a statement of a script does, as far as the analysis of later ones must know it.

use pgrx::pg_sys::{self, NodeTag, ObjectType};

use super::prior::{self, Place};
use super::{alter_table, expression, overlay};
use crate::ddl::{Change, ChangeKind, Effect, LockMode, NewType, PriorIndex, PriorType};
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
        locks(change, &mut effects);
    }
    // SAFETY: the cast follows the tag.
    if let Some(alter) = unsafe { node::cast::<pg_sys::AlterTableStmt>(statement, NodeTag::T_AlterTableStmt) } {
        // SAFETY: the caller's promise.
        effects.extend(unsafe { alter_table::effects::of(&*alter, changes) }?);
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
            NodeTag::T_CreateFunctionStmt => function(&*statement.cast::<pg_sys::CreateFunctionStmt>()),
            NodeTag::T_CreateDomainStmt => domain(&*statement.cast::<pg_sys::CreateDomainStmt>())?,
            NodeTag::T_CreateEnumStmt => {
                let text = PriorType { oid: pg_sys::TEXTOID.to_u32(), modifier: -1, collation: 0 };
                let new = NewType { stands_for: text, checked: false, is_enum: true };
                type_created((*statement.cast::<pg_sys::CreateEnumStmt>()).typeName, new)
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
        let columns = node::elements(statement.indexParams)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem))
            .map(|e| convert::string((*e).name));
        let columns = columns.collect::<Option<Vec<String>>>().unwrap_or_default();
        let made = table.oid.map(|oid| {
            let index = PriorIndex { table: oid.to_u32(), columns };
            Effect::IndexCreated(table.schema.clone(), name.clone(), index)
        });
        Ok(std::iter::once(Effect::Created(table.schema, name)).chain(made).collect())
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

/// The locks that a change takes: on its relation and the tables below, and on the other ends of foreign keys.
fn locks(change: &Change, effects: &mut Vec<Effect>) {
    let referenced: Vec<u32> = match &change.kind {
        ChangeKind::AddConstraint(new) => new.references.iter().map(|r| r.oid).collect(),
        ChangeKind::CreateTable(new) => new.references.iter().map(|r| r.oid).collect(),
        _ => Vec::new(),
    };
    effects.extend(referenced.into_iter().map(|oid| Effect::Locked(oid, LockMode::ShareRowExclusive)));
    let (Some(on), Some(lock)) = (&change.on, change.lock) else { return };
    let others = if let ChangeKind::Truncate { tables, .. } = &change.kind { tables.as_slice() } else { &[] };
    for relation in others.iter().chain([on]) {
        effects.extend(relation.leaves.iter().chain([&relation.oid]).map(|oid| Effect::Locked(*oid, lock)));
    }
}

/// CREATE DOMAIN or CREATE TYPE ... AS ENUM: the type that stands for it in what follows.
///
/// # Safety
/// `names` is a dotted name.
unsafe fn type_created(names: *mut pg_sys::List, new: NewType) -> Vec<Effect> {
    // SAFETY: a name of one to three parts, as the grammar makes it.
    unsafe {
        let name = pg_sys::makeRangeVarFromNameList(names);
        let (schema, name) = (prior::creation_schema(name), convert::string((*name).relname));
        schema.zip(name).map(|(schema, name)| Effect::TypeCreated(schema, name, new)).into_iter().collect()
    }
}

/// # Safety
/// As for [`of`].
unsafe fn domain(create: &pg_sys::CreateDomainStmt) -> Result<Vec<Effect>> {
    // SAFETY: the caller's promise; casts follow the tag.
    unsafe {
        let base = overlay::new_type(create.typeName);
        let (oid, modifier) = expression::resolve_type(create.typeName)?;
        let checks = [pg_sys::ConstrType::CONSTR_CHECK, pg_sys::ConstrType::CONSTR_NOTNULL];
        let own = node::elements(create.constraints)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint))
            .any(|c| checks.contains(&(*c).contype));
        let checked = own || base.is_some_and(|base| base.checked) || pg_sys::DomainHasConstraints(oid);
        let stands_for = PriorType {
            oid: pg_sys::getBaseType(oid).to_u32(),
            modifier,
            collation: pg_sys::get_typcollation(oid).to_u32(),
        };
        let is_enum = base.is_some_and(|base| base.is_enum);
        Ok(type_created(create.domainname, NewType { stands_for, checked, is_enum }))
    }
}

/// A function without parameters, unless it is in SQL and of no declared volatility: its body decides then.
///
/// # Safety
/// As for [`of`].
unsafe fn function(create: &pg_sys::CreateFunctionStmt) -> Vec<Effect> {
    // SAFETY: the tags are checked before the casts; names are NUL-terminated.
    unsafe {
        if create.is_procedure || !create.parameters.is_null() {
            return Vec::new();
        }
        let option = |wanted: &str| {
            let options = node::elements(create.options).into_iter();
            let mut options = options.filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem));
            let found = options.find(|e| convert::string((**e).defname).as_deref() == Some(wanted))?;
            let text = node::cast::<pg_sys::String>((*found).arg, NodeTag::T_String)?;
            convert::string((*text).sval)
        };
        let in_sql = !create.sql_body.is_null() || option("language").as_deref() == Some("sql");
        let volatile = match option("volatility") {
            Some(declared) => declared == "volatile",
            None if in_sql => return Vec::new(),
            None => true,
        };
        let name = pg_sys::makeRangeVarFromNameList(create.funcname);
        let (schema, name) = (prior::creation_schema(name), convert::string((*name).relname));
        schema.zip(name).map(|(schema, name)| Effect::FunctionCreated(schema, name, volatile)).into_iter().collect()
    }
}
