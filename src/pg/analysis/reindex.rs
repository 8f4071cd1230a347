//! REINDEX without CONCURRENTLY: writes wait for the table, and reads for the index.

use pgrx::pg_sys::{self, NodeTag, Oid, ReindexObjectType};

use super::catalogue::{CLASS_BY_OID, INDEX_BY_OID, INDEXES_OF, Key, Row};
use super::{held, prior};
use crate::ddl::{Change, ChangeKind, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, versions};

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `reindex` is the parser's tree.
pub unsafe fn change(reindex: &pg_sys::ReindexStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise.
    let (options, target) = unsafe { (Options::of(reindex.params), Target::of(reindex)?) };
    let Some(target) = target else { return Ok(None) };
    let lock = if options.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    let work: Vec<Work> = target.built.iter().filter(|_| !options.concurrently).filter_map(Built::work).collect();
    let one = ["INDEX", "TABLE"].contains(&target.word);
    let named = target.built.iter().map(|built| built.table).find(|table| one && relation::concerns_others(*table));
    let first = work.first().map(|w| Oid::from(w.relation)).or(named);
    let on = first.map(|table| relation::describe(table, false)).transpose()?;
    let kind = ChangeKind::Reindex {
        concurrently: options.concurrently,
        instead: target.concurrently(&options),
        each: target.each(&options),
        left_out: target.left_out().map(relation::qualified_name).collect(),
        separately: !one,
        what: format!("{} {}", target.word.to_lowercase(), target.name),
    };
    Ok(Some(Change { on, kind, lock: Some(lock), sql: None, work }))
}

/// What is to be built anew.
struct Target {
    /// `INDEX`, `TABLE`, `SCHEMA` or `DATABASE`.
    word: &'static str,
    /// As SQL.
    name: String,
    built: Vec<Built>,
}

/// A table with storage, and those of its indexes that are built.
struct Built {
    table: Oid,
    indexes: Vec<Index>,
    /// What is stored beside it has an index of its own, which is built with those of the table.
    toast: bool,
}

struct Index {
    oid: Oid,
    exclusion: bool,
    valid: bool,
}

impl Target {
    /// `None` when there is none, or when Postgres refuses it.
    ///
    /// # Safety
    /// `reindex` is the parser's tree.
    unsafe fn of(reindex: &pg_sys::ReindexStmt) -> Result<Option<Self>> {
        // SAFETY: the caller's promise; names are NULL or NUL-terminated.
        unsafe {
            match reindex.kind {
                ReindexObjectType::REINDEX_OBJECT_INDEX => match relation::lookup(reindex.relation)? {
                    Some(index) => Self::index(index),
                    None => Ok(None),
                },
                ReindexObjectType::REINDEX_OBJECT_TABLE => match relation::lookup(reindex.relation)? {
                    Some(table) => Self::table(table),
                    None => Ok(None),
                },
                ReindexObjectType::REINDEX_OBJECT_SCHEMA => {
                    let schema = pg_sys::get_namespace_oid(reindex.name, false);
                    let name = convert::string(reindex.name).unwrap_or_default();
                    let tables = || tables_in(Some(schema));
                    Ok(Self::all("SCHEMA", name, (pg_sys::NamespaceRelationId, schema), tables))
                }
                ReindexObjectType::REINDEX_OBJECT_DATABASE => {
                    let database = pg_sys::MyDatabaseId;
                    let name = convert::string(pg_sys::get_database_name(database)).unwrap_or_default();
                    if convert::string(reindex.name).is_some_and(|given| given != name) {
                        return Ok(None);
                    }
                    let tables = || tables_in(None);
                    Ok(Self::all("DATABASE", name, (pg_sys::DatabaseRelationId, database), tables))
                }
                _ => Ok(None),
            }
        }
    }

    fn index(named: Oid) -> Result<Option<Self>> {
        let leaves =
            relation::inheritors(named)?.into_iter().filter(|i| relation::kind_of(*i) == pg_sys::RELKIND_INDEX);
        let rows = leaves.flat_map(|index| INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]));
        let built: Vec<Built> = rows
            .map(|row| Built { table: Oid::from(row.oid(c"indrelid")), indexes: vec![Index::of(&row)], toast: false })
            .collect();
        // SAFETY: a syscache look-up by oid.
        let table = unsafe { pg_sys::IndexGetRelation(named, true) };
        let theirs = !prior::in_script() && !versions::may_maintain(table);
        Ok((!theirs).then(|| Self { word: "INDEX", name: relation::qualified_name(named.to_u32()), built }))
    }

    fn table(named: Oid) -> Result<Option<Self>> {
        let partitioned = relation::kind_of(named) == pg_sys::RELKIND_PARTITIONED_TABLE;
        // The children of a plain table are left alone.
        let tables = if partitioned { relation::inheritors(named)? } else { vec![named] };
        let built = tables.into_iter().map(Built::of).collect();
        let theirs = !prior::in_script() && !versions::may_maintain(named);
        Ok((!theirs).then(|| Self { word: "TABLE", name: relation::qualified_name(named.to_u32()), built }))
    }

    /// All tables of a schema or database, whoever owns them.
    fn all(word: &'static str, name: String, of: (Oid, Oid), tables: impl FnOnce() -> Vec<Oid>) -> Option<Self> {
        if !prior::in_script() && !versions::may_maintain_all(of.0, of.1) {
            return None;
        }
        let built = tables().into_iter().map(Built::of).filter(|built| built.has_work()).collect();
        Some(Self { word, name: relation::quoted(&name), built })
    }

    fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.built.iter().flat_map(|built| built.indexes.iter())
    }

    fn left_out(&self) -> impl Iterator<Item = u32> {
        self.indexes().filter(|index| index.exclusion).map(|index| index.oid.to_u32())
    }

    /// The same with CONCURRENTLY, which leaves out the indexes of exclusion constraints, and of a table those that are
    /// invalid: they are built one by one.
    fn concurrently(&self, options: &Options) -> Vec<String> {
        let reindex = |word: &str, name: &str| format!("REINDEX (CONCURRENTLY{}) {word} {name}", options.space(", "));
        let toast = self.built.iter().any(|built| built.toast);
        if !toast && self.indexes().all(|index| index.exclusion) {
            return Vec::new();
        }
        if self.word == "INDEX" {
            return vec![reindex(self.word, &self.name)];
        }
        let invalid = self.indexes().filter(|index| !index.valid && !index.exclusion);
        let invalid = invalid.map(|index| reindex("INDEX", &relation::qualified_name(index.oid.to_u32())));
        std::iter::once(reindex(self.word, &self.name)).chain(invalid).collect()
    }

    /// Table by table or index by index: of partitioned ones, schemas and databases as a whole it is refused in a
    /// transaction block.
    fn each(&self, options: &Options) -> Vec<String> {
        let space = if options.tablespace.is_some() { format!("({}) ", options.space("")) } else { String::new() };
        let reindex =
            |word: &str, oid: Oid| format!("REINDEX {space}{word} {}", relation::qualified_name(oid.to_u32()));
        if self.word == "INDEX" {
            return self.indexes().map(|index| reindex("INDEX", index.oid)).collect();
        }
        self.built.iter().filter(|built| built.has_work()).map(|built| reindex("TABLE", built.table)).collect()
    }
}

impl Built {
    fn of(table: Oid) -> Self {
        let rows = INDEXES_OF.rows(&[Key::Oid(c"indrelid", table.to_u32())]);
        let stored = relation::has_storage(table);
        let indexes = if stored { rows.iter().map(Index::of).collect() } else { Vec::new() };
        Self { table, indexes, toast: stored && relation::has_toasted(table) }
    }

    fn has_work(&self) -> bool {
        self.toast || !self.indexes.is_empty()
    }

    fn work(&self) -> Option<Work> {
        if !self.has_work() {
            return None;
        }
        // Whoever plans to read a table waits for its indexes. Nobody does anything else with a materialized view.
        let matview = relation::kind_of(self.table) == pg_sys::RELKIND_MATVIEW;
        held::work(self.table, WorkKind::Build, if matview { LockMode::AccessExclusive } else { LockMode::Share })
    }
}

impl Index {
    fn of(row: &Row) -> Self {
        Self {
            oid: Oid::from(row.oid(c"indexrelid")),
            exclusion: row.boolean(c"indisexclusion") == Some(true),
            valid: row.boolean(c"indisvalid") == Some(true),
        }
    }
}

/// What stands in the parentheses, and CONCURRENTLY.
#[derive(Default)]
struct Options {
    concurrently: bool,
    tablespace: Option<String>,
}

impl Options {
    /// # Safety
    /// `list` is NIL or a list of DefElem.
    unsafe fn of(list: *mut pg_sys::List) -> Self {
        let mut options = Self::default();
        // SAFETY: the tag is checked; the values are read by Postgres.
        unsafe {
            for n in node::elements(list) {
                let Some(element) = node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem) else { continue };
                match convert::string((*element).defname).as_deref() {
                    Some("concurrently") => options.concurrently = pg_sys::defGetBoolean(element),
                    Some("tablespace") => options.tablespace = convert::string(pg_sys::defGetString(element)),
                    _ => {}
                }
            }
        }
        options
    }

    /// `TABLESPACE x` behind a separator, if there is one.
    fn space(&self, separator: &str) -> String {
        let name = self.tablespace.as_deref().map(relation::quoted);
        name.map(|name| format!("{separator}TABLESPACE {name}")).unwrap_or_default()
    }
}

/// The tables of a schema, or all of them.
fn tables_in(schema: Option<Oid>) -> Vec<Oid> {
    CLASS_BY_OID
        .rows(&[])
        .iter()
        .filter(|row| schema.is_none_or(|schema| row.oid(c"relnamespace") == schema.to_u32()))
        .filter(|row| ['r', 'm'].contains(&row.character(c"relkind")))
        .map(|row| Oid::from(row.oid(c"oid")))
        .filter(|oid| oid.to_u32() >= pg_sys::FirstNormalObjectId)
        .collect()
}
