//! CREATE INDEX: what is built, and what is only attached.

use pgrx::pg_sys::{self, Node, NodeTag, Oid};

use super::alter_table::lacks_partition_key;
use super::catalogue::{self, CLASS_BY_OID, CONSTRAINTS_OF, INDEXES_OF, Key, Row};
use super::expression::{self, Namespace};
use super::overlay;
use super::{held, index_statement, prior};
use crate::ddl::{Change, ChangeKind, Column, IndexDefinition, LockMode, NewConstraint, Relation, Work, WorkKind};
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, relation};

/// The statement as a change; `None` when it would do nothing, or is none of the guard's business.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::IndexStmt) -> Result<Option<Change>> {
    // SAFETY: the relation's name is part of the tree.
    unsafe {
        if statement.relation.is_null() {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(statement.relation)? else { return Ok(None) };
        let with_children = (*statement.relation).inh && relation::kind_of(oid) == pg_sys::RELKIND_PARTITIONED_TABLE;
        let Some(on) = relation::guarded(oid, with_children)? else { return Ok(None) };
        let taken = overlay::spelled(statement.idxname).and_then(|name| overlay::beside(oid, &name));
        // IF NOT EXISTS that finds the name does nothing; without it, Postgres refuses. That is not what was asked for
        // when the index is invalid. Of a migration that was interrupted in building it, the runner drops it.
        let looked_at = !on.partitioned && (statement.if_not_exists || !prior::in_script());
        let invalid = taken.flatten().filter(|_| looked_at).and_then(|taken| invalid_of(&on, taken));
        if taken.is_some() && invalid.is_none() && !statement.concurrent {
            return Ok(None);
        }
        let mut definition = index_statement::definition(statement, oid, on.partitioned && with_children)?;
        definition.invalid = invalid;
        let only = if on.partitioned && !with_children { "ONLY " } else { "" };
        if statement.concurrent {
            let sql = sql(&on, &definition, only, "CONCURRENTLY ");
            // Nothing is built where the name is there, nor with ONLY.
            let builds = on.partitioned && with_children && taken.is_none();
            let withheld = if builds { self::builds(statement, &on)? } else { Some(Vec::new()) };
            let if_not_exists = statement.if_not_exists;
            let kind = ChangeKind::CreateIndexConcurrently { index: definition, if_not_exists, withheld };
            // It blocks nothing but other DDL.
            let lock = Some(LockMode::ShareUpdateExclusive);
            return Ok(Some(Change { on: Some(on), kind, lock, sql, work: Vec::new() }));
        }
        let sql = sql(&on, &definition, only, "");
        let mut work = Vec::new();
        if taken.is_none() && (!on.partitioned || with_children) {
            // An unknown method or column is the statement's own error.
            let Some(built) = builds(statement, &on)? else { return Ok(None) };
            work = built;
        }
        Ok(Some(Change {
            on: Some(on),
            kind: ChangeKind::CreateIndex(definition),
            lock: Some(LockMode::Share),
            sql,
            work,
        }))
    }
}

/// The builds of an index without CONCURRENTLY; `None` when Postgres refuses what it is to be.
///
/// # Safety
/// `statement` is the parser's tree; `on` is the relation it names.
unsafe fn builds(statement: &pg_sys::IndexStmt, on: &Relation) -> Result<Option<Vec<Work>>> {
    let oid = Oid::from(on.oid);
    // SAFETY: the caller's promise.
    let covered = match unsafe { Proposed::of(statement, oid)? } {
        Proposal::Refused => return Ok(None),
        Proposal::Read(proposed) if on.partitioned => proposed.covered(oid, false)?,
        Proposal::Read(_) | Proposal::Unreadable => Vec::new(),
    };
    let built = on.leaves.iter().map(|leaf| Oid::from(*leaf)).filter(|leaf| !covered.contains(leaf));
    Ok(Some(built.filter_map(|leaf| held::work(leaf, WorkKind::Build, LockMode::Share)).collect()))
}

/// CREATE INDEX on columns of a partitioned table, as a hint types it; of the columns some may not be there yet.
pub fn on_columns(on: &Relation, columns: &[Column]) -> Result<Change> {
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let oid = Oid::from(on.oid);
    let covered = match Proposed::on_columns(oid, &names) {
        Some(proposed) => proposed.covered(oid, false)?,
        None => Vec::new(),
    };
    let built = on.leaves.iter().map(|leaf| Oid::from(*leaf)).filter(|leaf| !covered.contains(leaf));
    let work = built.filter_map(|leaf| held::work(leaf, WorkKind::Build, LockMode::Share)).collect();
    let quoted: Vec<&str> = columns.iter().map(|c| c.quoted.as_str()).collect();
    let definition = IndexDefinition {
        unique: false,
        name_clause: String::new(),
        body: Some(format!("({})", quoted.join(", "))),
        shape: String::new(),
        invalid: None,
        tree: index_statement::named_tree(oid, None, &names.join("_"), c"idx")?,
    };
    let sql = sql(on, &definition, "", "");
    let kind = ChangeKind::CreateIndex(definition);
    Ok(Change { on: Some(on.clone()), kind, lock: Some(LockMode::Share), sql, work })
}

/// An index, if it is one of the table's and invalid.
fn invalid_of(on: &Relation, index: Oid) -> Option<u32> {
    let rows = INDEXES_OF.rows(&[Key::Oid(c"indrelid", on.oid)]);
    let is_it = |row: &&Row| row.oid(c"indexrelid") == index.to_u32() && row.boolean(c"indisvalid") == Some(false);
    rows.iter().find(is_it).map(|row| row.oid(c"indexrelid"))
}

fn sql(on: &Relation, index: &IndexDefinition, only: &str, concurrently: &str) -> Option<String> {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let body = index.body.as_ref()?;
    Some(format!("CREATE {unique}INDEX {concurrently}{}ON {only}{} {body}", index.name_clause, on.quoted))
}

/// Leaves that have the index of a UNIQUE or PRIMARY KEY constraint already, with a constraint of their own.
///
/// # Safety
/// `constraint` is the parser's.
pub unsafe fn covered_by_constraints(
    table: Oid,
    new: &NewConstraint,
    constraint: &pg_sys::Constraint,
) -> Result<Vec<Oid>> {
    if relation::kind_of(table) != pg_sys::RELKIND_PARTITIONED_TABLE || new.index.is_none() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = new.columns.iter().map(|c| c.name.as_str()).collect();
    let Some(mut proposed) = Proposed::on_columns(table, &names) else { return Ok(Vec::new()) };
    proposed.unique = true;
    proposed.nulls_not_distinct = constraint.nulls_not_distinct;
    // SAFETY: the caller's promise.
    proposed.included = unsafe { node::strings(constraint.including) };
    proposed.covered(table, true)
}

/// What became of reading a CREATE INDEX.
enum Proposal {
    Read(Proposed),
    /// It cannot be read without running a user's function.
    Unreadable,
    /// Postgres refuses it.
    Refused,
}

/// A key of an index.
struct Part {
    /// `None` for an expression.
    column: Option<String>,
    family: Oid,
    collation: Oid,
}

/// What CompareIndexInfo compares.
struct Proposed {
    method: Oid,
    unique: bool,
    nulls_not_distinct: bool,
    keys: Vec<Part>,
    included: Vec<String>,
    /// Transformed for the root.
    expressions: *mut pg_sys::List,
    condition: *mut Node,
    /// Whose columns they number.
    root: Oid,
}

impl Proposed {
    fn empty(root: Oid, method: Oid, unique: bool, nulls_not_distinct: bool) -> Self {
        let none = std::ptr::null_mut();
        let (keys, included) = (Vec::new(), Vec::new());
        Self {
            method,
            unique,
            nulls_not_distinct,
            keys,
            included,
            expressions: none,
            condition: std::ptr::null_mut(),
            root,
        }
    }

    /// A btree index on columns, in their default order; `None` when the table lacks one of them.
    fn on_columns(table: Oid, names: &[&str]) -> Option<Self> {
        // SAFETY: a look-up by a static name.
        let method = unsafe { pg_sys::get_index_am_oid(c"btree".as_ptr(), false) };
        let mut proposed = Self::empty(table, method, false, false);
        for name in names {
            let attribute = catalogue::attribute_named(table, name)?;
            // SAFETY: syscache look-ups by oid.
            let family = unsafe { pg_sys::get_opclass_family(pg_sys::GetDefaultOpClass(attribute.type_oid, method)) };
            proposed.keys.push(Part { column: Some(attribute.name), family, collation: attribute.collation });
        }
        Some(proposed)
    }

    /// # Safety
    /// `statement` is the parser's tree; `table` is the relation it names.
    unsafe fn of(statement: &pg_sys::IndexStmt, table: Oid) -> Result<Proposal> {
        use pg_sys::ParseExprKind::{EXPR_KIND_INDEX_EXPRESSION, EXPR_KIND_INDEX_PREDICATE};
        // SAFETY: the caller's promise; casts follow the tag, names are NUL-terminated.
        unsafe {
            let method = pg_sys::get_index_am_oid(statement.accessMethod, true);
            if method == Oid::INVALID {
                return Ok(Proposal::Refused);
            }
            let namespace = Namespace::new(&relation::names(table).1, &catalogue::attributes(table));
            let mut proposed = Self::empty(table, method, statement.unique, statement.nulls_not_distinct);
            for n in node::elements(statement.indexParams) {
                let Some(element) = node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem) else { continue };
                let (column, type_oid, collation) = match convert::string((*element).name) {
                    Some(name) => match catalogue::attribute_named(table, &name) {
                        Some(attribute) => (Some(name), attribute.type_oid, attribute.collation),
                        None => return Ok(Proposal::Refused),
                    },
                    None => {
                        let transformed = namespace.transform((*element).expr, EXPR_KIND_INDEX_EXPRESSION)?;
                        let Some(expression) = transformed else { return Ok(Proposal::Unreadable) };
                        proposed.expressions = pg_sys::lappend(proposed.expressions, expression.cast());
                        (None, pg_sys::exprType(expression), pg_sys::exprCollation(expression))
                    }
                };
                let collation = if (*element).collation.is_null() {
                    collation
                } else {
                    pg_sys::get_collation_oid((*element).collation, false)
                };
                let class = pg_sys::ResolveOpClass((*element).opclass, type_oid, statement.accessMethod, method);
                proposed.keys.push(Part { column, family: pg_sys::get_opclass_family(class), collation });
            }
            proposed.included = node::elements(statement.indexIncludingParams)
                .into_iter()
                .filter_map(|n| node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem))
                .filter_map(|e| convert::string((*e).name))
                .collect();
            if !statement.whereClause.is_null() {
                let transformed = namespace.transform(statement.whereClause, EXPR_KIND_INDEX_PREDICATE)?;
                let Some(condition) = transformed else { return Ok(Proposal::Unreadable) };
                proposed.condition = condition;
            }
            let has = |name: &str| proposed.keys.iter().any(|key| key.column.as_deref() == Some(name));
            let refused = proposed.unique && lacks_partition_key(table, has);
            Ok(if refused { Proposal::Refused } else { Proposal::Read(proposed) })
        }
    }

    /// The leaves below `parent` that an index like this covers already: on themselves, or on a partitioned table
    /// between. Postgres attaches those instead of building.
    fn covered(&self, parent: Oid, needs_constraint: bool) -> Result<Vec<Oid>> {
        let mut covered = Vec::new();
        for child in relation::children(parent)? {
            if self.is_on(child, needs_constraint)? {
                covered.extend(relation::inheritors(child)?);
            } else if relation::kind_of(child) == pg_sys::RELKIND_PARTITIONED_TABLE {
                covered.extend(self.covered(child, needs_constraint)?);
            }
        }
        Ok(covered)
    }

    fn is_on(&self, child: Oid, needs_constraint: bool) -> Result<bool> {
        let constraints: Vec<u32> = if needs_constraint {
            CONSTRAINTS_OF
                .rows(&[Key::Oid(c"conrelid", child.to_u32())])
                .iter()
                .filter(|row| ['p', 'u', 'x'].contains(&row.character(c"contype")))
                .map(|row| row.oid(c"conindid"))
                .collect()
        } else {
            Vec::new()
        };
        for row in INDEXES_OF.rows(&[Key::Oid(c"indrelid", child.to_u32())]) {
            let index = row.oid(c"indexrelid");
            let free = CLASS_BY_OID.rows(&[Key::Oid(c"oid", index)]).first().is_some_and(|c| {
                c.boolean(c"relispartition") == Some(false) && c.oid(c"relam") == self.method.to_u32()
            });
            if free && (!needs_constraint || constraints.contains(&index)) && self.equals(child, &row)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// CompareIndexInfo, with columns compared by name.
    fn equals(&self, child: Oid, row: &Row) -> Result<bool> {
        let numbers = row.small_array(c"indkey");
        let key_count = usize::try_from(row.small(c"indnkeyatts")).unwrap_or(0);
        if row.boolean(c"indisunique") != Some(self.unique)
            || row.boolean(c"indnullsnotdistinct").unwrap_or(false) != self.nulls_not_distinct
            || key_count != self.keys.len()
            || numbers.len() != self.keys.len() + self.included.len()
        {
            return Ok(false);
        }
        let name = |number: &i16| catalogue::attribute(child, *number).map(|a| a.name);
        let (classes, collations) = (row.oid_array(c"indclass"), row.oid_array(c"indcollation"));
        for (i, key) in self.keys.iter().enumerate() {
            let (Some(class), Some(collation)) = (classes.get(i), collations.get(i)) else { return Ok(false) };
            // SAFETY: a syscache look-up by oid.
            let family = unsafe { pg_sys::get_opclass_family(*class) };
            if numbers.get(i).and_then(name) != key.column || family != key.family || *collation != key.collation {
                return Ok(false);
            }
        }
        let included: Vec<Option<String>> = numbers.iter().skip(key_count).map(name).collect();
        if included.iter().flatten().ne(self.included.iter()) {
            return Ok(false);
        }
        // SAFETY: trees that Postgres stored, and those transformed for the root.
        unsafe {
            Ok(same_trees(self.root, child, self.expressions.cast(), row.tree(c"indexprs"), false)?
                && same_trees(self.root, child, self.condition, row.tree(c"indpred"), true)?)
        }
    }
}

/// Whether the wanted tree, with column numbers of `root` turned into those of `child`, equals the stored one, both folded
/// as Postgres folds what it reads from pg_index.
///
/// # Safety
/// The trees are whole, or NULL.
unsafe fn same_trees(root: Oid, child: Oid, wanted: *mut Node, stored: *mut Node, condition: bool) -> Result<bool> {
    if wanted.is_null() || stored.is_null() {
        return Ok(wanted.is_null() && stored.is_null());
    }
    // SAFETY: the caller's promise; the map has an entry for every column of the root.
    unsafe {
        let (wanted, stored) = (folded(wanted, condition)?, folded(stored, condition)?);
        let columns = catalogue::attributes(root);
        let map = pg_sys::make_attrmap(columns.len() as i32);
        for (i, column) in columns.iter().enumerate() {
            let number = catalogue::attribute_named(child, &column.name).map_or(0, |a| a.number);
            *(*map).attnums.add(i) = number;
        }
        let mut whole_row = false;
        let whole_row_out = &raw mut whole_row;
        let mapped = boundary::catch(|| raw::map_variable_attnos(wanted, 1, 0, map, Oid::INVALID, whole_row_out))?;
        Ok(!whole_row && pg_sys::equal(stored.cast(), mapped.cast()))
    }
}

/// As RelationGetIndexExpressions and RelationGetIndexPredicate have it.
///
/// # Safety
/// The tree is whole.
unsafe fn folded(tree: *mut Node, condition: bool) -> Result<*mut Node> {
    // SAFETY: the caller's promise; raw calls on palloc'd trees.
    unsafe {
        let planned = expression::planned(tree)?;
        if !condition {
            return Ok(planned);
        }
        let canonical = boundary::catch(|| raw::canonicalize_qual(planned.cast(), false))?;
        Ok(pg_sys::make_ands_implicit(canonical).cast())
    }
}
