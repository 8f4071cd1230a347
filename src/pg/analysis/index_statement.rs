//! CREATE INDEX in a parse tree: what a hint needs to say the same with CONCURRENTLY.

use std::collections::HashMap;

use pgrx::pg_sys::{self, NodeTag, SortByDir, SortByNulls};

use super::index_name;
use crate::ddl::{IndexDefinition, NodeKind, TreeNode};
use crate::error::Result;
use crate::pg::memory::Scratch;
use crate::pg::relation::Peek;
use crate::pg::{boundary, convert, lexer, node, raw, relation, user};

/// The definition of the index a statement makes on `table`.
///
/// # Safety
/// `statement` is the parser's tree; `table` is the relation it names.
pub unsafe fn definition(
    statement: &pg_sys::IndexStmt,
    table: pg_sys::Oid,
    tree_wide: bool,
) -> Result<IndexDefinition> {
    // SAFETY: the caller's promise.
    unsafe {
        let name = convert::string(statement.idxname);
        let if_not_exists = if statement.if_not_exists { "IF NOT EXISTS " } else { "" };
        let name_clause =
            name.as_deref().map(|n| format!("{if_not_exists}{} ", relation::quoted(n))).unwrap_or_default();
        Ok(IndexDefinition {
            unique: statement.unique,
            name_clause,
            body: body(table, statement, Path::Caller),
            // Expressions as pg_get_indexdef writes those of existing indexes: everything qualified.
            shape: resolved_shape(table, statement).unwrap_or_else(|| shape_of(statement)),
            invalid: None,
            tree: if tree_wide { tree(table, name, statement)? } else { Vec::new() },
        })
    }
}

/// The partition tree with a name for each index that a CREATE INDEX makes.
///
/// # Safety
/// As for [`definition`].
unsafe fn tree(root: pg_sys::Oid, name: Option<String>, statement: &pg_sys::IndexStmt) -> Result<Vec<TreeNode>> {
    // SAFETY: the caller's promise.
    let columns = unsafe { index_name::of(statement) };
    named_tree(root, name, &columns, c"idx")
}

/// The partition tree with the names that Postgres would give the indexes.
pub fn named_tree(
    root: pg_sys::Oid,
    name: Option<String>,
    columns: &str,
    label: &std::ffi::CStr,
) -> Result<Vec<TreeNode>> {
    // SAFETY: catalogue look-ups by oid.
    unsafe {
        let mut indexes: HashMap<pg_sys::Oid, String> = HashMap::new();
        let mut tree = Vec::new();
        for oid in relation::inheritors(root)? {
            let (schema, table) = relation::names(oid);
            let index = match &name {
                Some(given) if oid == root => given.clone(),
                _ => relation::free_name(&table, columns, label, pg_sys::get_rel_namespace(oid), false),
            };
            let qualified_index = relation::qualified(&schema, &index);
            let parent = if oid == root {
                None
            } else {
                indexes.get(&boundary::catch(|| raw::get_partition_parent(oid, true))?).cloned()
            };
            indexes.insert(oid, qualified_index.clone());
            tree.push(TreeNode {
                oid: oid.to_u32(),
                quoted: relation::qualified(&schema, &table),
                index: relation::quoted(&index),
                qualified_index,
                parent_index: parent,
                kind: match relation::kind_of(oid) {
                    pg_sys::RELKIND_PARTITIONED_TABLE => NodeKind::Partitioned,
                    pg_sys::RELKIND_RELATION => NodeKind::Leaf,
                    _ => NodeKind::Foreign,
                },
            });
        }
        Ok(tree)
    }
}

/// The definition behind the table's name, on one line. Expressions are deparsed by Postgres, which needs the relation
/// open; without the lock for that, only an index on plain columns can be written.
///
/// # Safety
/// As for [`definition`].
unsafe fn body(table: pg_sys::Oid, statement: &pg_sys::IndexStmt, path: Path) -> Option<String> {
    // SAFETY: every cast follows the tag; strings are NULL or NUL-terminated.
    unsafe {
        let deparsed = Expressions::of(table, statement, path)?;
        let elements = node::elements(statement.indexParams);
        let keys: Option<Vec<String>> = elements
            .into_iter()
            .enumerate()
            .map(|(i, n)| element(&*node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem)?, deparsed.key(i)))
            .collect();
        let method = relation::quoted(&convert::string(statement.accessMethod)?);
        let mut body = format!("USING {method} ({})", keys?.join(", "));
        let included: Vec<String> = node::elements(statement.indexIncludingParams)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem))
            .filter_map(|e| convert::string((*e).name))
            .map(|name| relation::quoted(&name))
            .collect();
        if !included.is_empty() {
            body.push_str(&format!(" INCLUDE ({})", included.join(", ")));
        }
        if statement.nulls_not_distinct {
            body.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(options) = options(statement.options) {
            body.push_str(&format!(" WITH ({options})"));
        }
        if let Some(tablespace) = convert::string(statement.tableSpace) {
            body.push_str(&format!(" TABLESPACE {}", relation::quoted(&tablespace)));
        }
        if let Some(condition) = &deparsed.condition {
            body.push_str(&format!(" WHERE {condition}"));
        }
        Some(body)
    }
}

/// One key: column or expression, collation, operator class, order.
///
/// # Safety
/// As for [`definition`].
pub unsafe fn element(element: &pg_sys::IndexElem, expression: Option<&str>) -> Option<String> {
    // SAFETY: strings are NULL or NUL-terminated, lists NIL or lists of nodes.
    unsafe {
        let mut text = match convert::string(element.name) {
            Some(column) => relation::quoted(&column),
            None => format!("({})", expression?),
        };
        if !element.collation.is_null() {
            let collation = convert::string(pg_sys::NameListToQuotedString(element.collation))?;
            text.push_str(&format!(" COLLATE {collation}"));
        }
        if !element.opclass.is_null() {
            text.push_str(&format!(" {}", convert::string(pg_sys::NameListToQuotedString(element.opclass))?));
        }
        if let Some(options) = options(element.opclassopts) {
            text.push_str(&format!(" ({options})"));
        }
        text.push_str(match element.ordering {
            SortByDir::SORTBY_ASC => " ASC",
            SortByDir::SORTBY_DESC => " DESC",
            _ => "",
        });
        text.push_str(match element.nulls_ordering {
            SortByNulls::SORTBY_NULLS_FIRST => " NULLS FIRST",
            SortByNulls::SORTBY_NULLS_LAST => " NULLS LAST",
            _ => "",
        });
        Some(text)
    }
}

/// `name = 'value', ...` of a list of DefElem; `None` for none.
///
/// # Safety
/// `list` is NIL or a list of nodes.
pub unsafe fn options(list: *mut pg_sys::List) -> Option<String> {
    // SAFETY: the tag is checked; defGetString makes text of any value.
    unsafe {
        let options: Vec<String> = node::elements(list)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .filter_map(|e| {
                let name = relation::quoted(&convert::string((*e).defname)?);
                if (*e).arg.is_null() {
                    return Some(name);
                }
                Some(format!("{name} = '{}'", convert::string(pg_sys::defGetString(e))?.replace('\'', "''")))
            })
            .collect();
        (!options.is_empty()).then(|| options.join(", "))
    }
}

/// The search_path under which expressions are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// The caller's: names as he would write them.
    Caller,
    /// pg_catalog only: every other name is qualified.
    Pinned,
}

/// The statement's expressions and condition as Postgres writes them.
struct Expressions {
    keys: Vec<Option<String>>,
    condition: Option<String>,
}

impl Expressions {
    fn key(&self, number: usize) -> Option<&str> {
        self.keys.get(number).and_then(|k| k.as_deref())
    }

    /// `None` when there are some but they cannot be read now.
    ///
    /// # Safety
    /// As for [`definition`].
    unsafe fn of(table: pg_sys::Oid, statement: &pg_sys::IndexStmt, path: Path) -> Option<Self> {
        // SAFETY: transformIndexStmt works on a copy, under the lock that `peek` holds; it analyses and executes
        // nothing. deparse_expression reads the result. An error is one that Postgres raises itself in a moment.
        unsafe {
            let plain = |n: &*mut pg_sys::Node| {
                node::cast::<pg_sys::IndexElem>(*n, NodeTag::T_IndexElem).is_some_and(|e| (*e).expr.is_null())
            };
            if statement.whereClause.is_null() && node::elements(statement.indexParams).iter().all(plain) {
                return Some(Self { keys: Vec::new(), condition: None });
            }
            let _peek = Peek::open(table)?;
            let copy = pg_sys::copyObjectImpl((&raw const *statement).cast()).cast::<pg_sys::IndexStmt>();
            let name = convert::c_string(&relation::names(table).1);
            let transformed = boundary::catch(|| raw::transformIndexStmt(table, copy, c"".as_ptr())).ok()?;
            let context = pg_sys::deparse_context_for(name.as_ptr(), table);
            let write = |expression| convert::string(pg_sys::deparse_expression(expression, context, false, false));
            let deparse = |expression: *mut pg_sys::Node| match path {
                Path::Caller => write(expression),
                Path::Pinned => user::as_owner(|| Ok(write(expression))).ok().flatten(),
            };
            let keys = node::elements((*transformed).indexParams)
                .into_iter()
                .filter_map(|n| node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem))
                .map(|e| if (*e).expr.is_null() { None } else { deparse((*e).expr) })
                .collect();
            let condition =
                if (*transformed).whereClause.is_null() { None } else { deparse((*transformed).whereClause) };
            Some(Self { keys, condition })
        }
    }
}

/// The shape of a user's CREATE INDEX on a table, comparable with that of an existing index's definition.
pub fn shape_on(definition: &str, table: u32) -> Option<String> {
    let _scratch = Scratch::new();
    let source = convert::c_string(definition);
    // SAFETY: `source` is NUL-terminated; the tag is checked; the tree lives in the scratch context.
    unsafe {
        let statement = (**lexer::parse(source.as_ptr()).ok()?.first()?).stmt;
        let statement = &*node::cast::<pg_sys::IndexStmt>(statement, NodeTag::T_IndexStmt)?;
        resolved_shape(pg_sys::Oid::from(table), statement)
    }
}

/// The shape with expressions as pg_get_indexdef writes them under a pinned search_path: casts made explicit, every name
/// qualified.
///
/// # Safety
/// As for [`definition`].
unsafe fn resolved_shape(table: pg_sys::Oid, statement: &pg_sys::IndexStmt) -> Option<String> {
    // SAFETY: the caller's promise.
    let body = unsafe { body(table, statement, Path::Pinned) }?;
    let unique = if statement.unique { "UNIQUE " } else { "" };
    shape(&format!("CREATE {unique}INDEX ON t {body}"))
}

/// The shape of a CREATE INDEX given as text; `None` when it is not one. Two definitions of equal shape differ in
/// nothing but names.
pub fn shape(definition: &str) -> Option<String> {
    let source = convert::c_string(definition);
    let source = source.as_ptr();
    // SAFETY: `source` is NUL-terminated; the tag is checked.
    unsafe {
        let statement = (**lexer::parse(source).ok()?.first()?).stmt;
        Some(shape_of(&*node::cast::<pg_sys::IndexStmt>(statement, NodeTag::T_IndexStmt)?))
    }
}

/// Method, keys, included columns and condition as Postgres prints parse trees, without positions and default orders.
///
/// # Safety
/// `statement` is the parser's tree.
unsafe fn shape_of(statement: &pg_sys::IndexStmt) -> String {
    // SAFETY: works on a copy; every cast follows the tag.
    unsafe {
        let copy = &*pg_sys::copyObjectImpl((&raw const *statement).cast()).cast::<pg_sys::IndexStmt>();
        for n in node::elements(copy.indexParams) {
            let Some(e) = node::cast::<pg_sys::IndexElem>(n, NodeTag::T_IndexElem) else { continue };
            let descending = (*e).ordering == SortByDir::SORTBY_DESC;
            if !descending {
                (*e).ordering = SortByDir::SORTBY_DEFAULT;
            }
            let default_nulls =
                if descending { SortByNulls::SORTBY_NULLS_FIRST } else { SortByNulls::SORTBY_NULLS_LAST };
            if (*e).nulls_ordering == default_nulls {
                (*e).nulls_ordering = SortByNulls::SORTBY_NULLS_DEFAULT;
            }
        }
        let print =
            |n: *const std::ffi::c_void| convert::string(pg_sys::nodeToString(n.cast_mut())).unwrap_or_default();
        let parts =
            [print(copy.indexParams.cast()), print(copy.indexIncludingParams.cast()), print(copy.whereClause.cast())];
        let method = convert::string(copy.accessMethod).unwrap_or_default();
        let (unique, distinct) = (copy.unique, copy.nulls_not_distinct);
        format!("{method} {unique} {distinct} {}", without_positions(&parts.join(" ")))
    }
}

/// `:location 17` tells where in the text a node stood; 15 and 16 print it.
fn without_positions(tree: &str) -> String {
    let mut kept = Vec::new();
    let mut words = tree.split(' ');
    while let Some(word) = words.next() {
        if word == ":location" {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn positions_do_not_count() {
        let tree = "{COLUMNREF :fields (\"a\") :location 17} {X :y 1}";
        assert_eq!(super::without_positions(tree), "{COLUMNREF :fields (\"a\") {X :y 1}");
    }
}
