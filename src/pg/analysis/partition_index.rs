//! Indexes of a partitioned table that a table lacks which becomes its partition. Matched as Postgres matches them; an index
//! that serves one index of the parent does not serve another.

use std::ffi::CString;

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{self, Row};
use crate::ddl::MissingIndex;
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, convert, raw, versions};

/// What would be built, table by table.
///
/// # Safety
/// `parent` is partitioned; both are open.
pub unsafe fn missing(parent: &Peek, table: &Peek) -> Result<Vec<MissingIndex>> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut search = Search::default();
        for oid in indexes(parent) {
            if relation::kind_of(oid) != pg_sys::RELKIND_PARTITIONED_INDEX {
                continue;
            }
            let Some(index) = Peek::open(oid) else { continue };
            let like = Like::of(parent, &index)?;
            search.descend(&like, table, true)?;
        }
        Ok(search.found)
    }
}

/// The oids of a table's indexes.
///
/// # Safety
/// The table is open.
unsafe fn indexes(table: &Peek) -> Vec<Oid> {
    // SAFETY: a list of oids, which length counts.
    unsafe {
        let list = pg_sys::RelationGetIndexList(table.entry());
        let count = if list.is_null() { 0 } else { usize::try_from((*list).length).unwrap_or(0) };
        (0..count).map(|i| (*(*list).elements.add(i)).oid_value).collect()
    }
}

/// The constraint that an index of a table backs.
fn constraint_of(table: Oid, index: Oid) -> Result<Option<Oid>> {
    // SAFETY: one raw call by oid.
    let oid = unsafe { boundary::catch(|| raw::get_relation_idx_constraint_oid(table, index))? };
    Ok((oid != Oid::INVALID).then_some(oid))
}

/// Whether an index belongs to a partitioned one.
fn is_part(index: Oid) -> bool {
    catalogue::class(index).and_then(|row| row.boolean(c"relispartition")) == Some(true)
}

/// An index of the parent, to be matched.
struct Like<'a> {
    parent: &'a Peek,
    index: &'a Peek,
    /// pg_constraint.contype of the constraint it backs.
    constraint: Option<char>,
    /// ` DEFERRABLE`, ` DEFERRABLE INITIALLY DEFERRED` or empty.
    deferrable: &'static str,
    body: Option<String>,
    /// The names of its columns, joined.
    columns: String,
}

impl<'a> Like<'a> {
    /// # Safety
    /// Both are open.
    unsafe fn of(parent: &'a Peek, index: &'a Peek) -> Result<Self> {
        // SAFETY: an open index; numbers are below natts.
        unsafe {
            let row_type = (*index.entry()).rd_att;
            let names: Vec<String> = (0..(*row_type).natts)
                .filter_map(|i| convert::string(versions::attribute(row_type, i).attname.data.as_ptr()))
                .collect();
            let constraint = constraint_of(parent.oid(), index.oid())?.and_then(catalogue::constraint);
            let flag = |row: &Row, column| row.boolean(column) == Some(true);
            let deferrable = match &constraint {
                Some(row) if flag(row, c"condeferred") => " DEFERRABLE INITIALLY DEFERRED",
                Some(row) if flag(row, c"condeferrable") => " DEFERRABLE",
                _ => "",
            };
            Ok(Self {
                parent,
                index,
                constraint: constraint.map(|row| row.character(c"contype")),
                deferrable,
                body: body(parent, index),
                columns: names.join("_"),
            })
        }
    }

    /// Whether an index of `table` can become a part of it.
    ///
    /// # Safety
    /// Both are open; the index is one of the table's.
    unsafe fn matches(&self, table: &Peek, index: &Peek) -> Result<bool> {
        // SAFETY: open relations; arrays are those of the indexes.
        let same = unsafe {
            let (own, theirs) = (&*index.entry(), &*self.index.entry());
            let columns = versions::map_by_name((*table.entry()).rd_att, (*self.parent.entry()).rd_att);
            pg_sys::CompareIndexInfo(
                pg_sys::BuildIndexInfo(index.entry()),
                pg_sys::BuildIndexInfo(self.index.entry()),
                own.rd_indcollation,
                theirs.rd_indcollation,
                own.rd_opfamily,
                theirs.rd_opfamily,
                columns,
            )
        };
        let Some(kind) = self.constraint.filter(|_| same) else { return Ok(same) };
        let Some(constraint) = constraint_of(table.oid(), index.oid())? else { return Ok(false) };
        let same_kind = catalogue::constraint(constraint).is_some_and(|row| row.character(c"contype") == kind);
        Ok(same_kind || !versions::CONSTRAINT_KINDS_MUST_MATCH)
    }
}

/// What stands behind the table's name in an index's definition; `None` for one that CONCURRENTLY cannot make: that of an
/// exclusion constraint.
///
/// # Safety
/// Both are open.
unsafe fn body(parent: &Peek, index: &Peek) -> Option<String> {
    // SAFETY: an open index; the definition is palloc'd.
    unsafe {
        let form = &*(*index.entry()).rd_index;
        if form.indisexclusion {
            return None;
        }
        let whole = convert::string(pg_sys::pg_get_indexdef_string(index.oid()))?;
        let unique = if form.indisunique { "UNIQUE " } else { "" };
        let (schema, name) = relation::names(parent.oid());
        let own_name = relation::quoted(&relation::names(index.oid()).1);
        let table = relation::qualified(&schema, &name);
        let prefix = format!("CREATE {unique}INDEX {own_name} ON {table} ");
        whole.strip_prefix(&prefix).map(str::to_owned)
    }
}

#[derive(Default)]
struct Search {
    found: Vec<MissingIndex>,
    /// Indexes that serve already.
    taken: Vec<Oid>,
    /// Names given already.
    names: Vec<(Oid, String)>,
}

impl Search {
    /// # Safety
    /// All are open.
    unsafe fn descend(&mut self, like: &Like, table: &Peek, top: bool) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            for oid in indexes(table) {
                if self.taken.contains(&oid) || is_part(oid) {
                    continue;
                }
                let Some(index) = Peek::open(oid) else { continue };
                // An invalid one is good enough for a partition of the new partition, as Postgres has it.
                let valid = (*(*index.entry()).rd_index).indisvalid;
                if (valid || !top) && like.matches(table, &index)? {
                    self.taken.push(oid);
                    return Ok(());
                }
            }
            match relation::kind_of(table.oid()) {
                pg_sys::RELKIND_RELATION => self.add(like, table),
                pg_sys::RELKIND_PARTITIONED_TABLE => {
                    for oid in relation::children(table.oid())? {
                        if let Some(partition) = Peek::open(oid) {
                            self.descend(like, &partition, false)?;
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        }
    }

    /// # Safety
    /// Both are open.
    unsafe fn add(&mut self, like: &Like, table: &Peek) {
        let (schema, name) = relation::names(table.oid());
        let own = self.free_name(like, table.oid(), &name);
        // SAFETY: an open index.
        let unique = unsafe { (*(*like.index.entry()).rd_index).indisunique };
        self.found.push(MissingIndex {
            leaf: table.oid().to_u32(),
            table: relation::qualified(&schema, &name),
            unique,
            name: relation::quoted(&own),
            body: like.body.clone(),
            constraint: match like.constraint {
                Some('p') => Some(format!("PRIMARY KEY{}", like.deferrable)),
                Some('u') => Some(format!("UNIQUE{}", like.deferrable)),
                _ => None,
            },
        });
    }

    /// The name that Postgres will choose, two indexes of the same columns numbered.
    fn free_name(&mut self, like: &Like, table: Oid, table_name: &str) -> String {
        // SAFETY: a syscache look-up by oid.
        let schema = unsafe { pg_sys::get_rel_namespace(table) };
        let (columns, label) = match like.constraint {
            Some('p') => ("", "pkey"),
            Some('x') => (like.columns.as_str(), "excl"),
            Some(_) => (like.columns.as_str(), "key"),
            None => (like.columns.as_str(), "idx"),
        };
        let mut number = 0;
        loop {
            let label = if number == 0 { label.to_owned() } else { format!("{label}{number}") };
            let label = CString::new(label).unwrap_or_default();
            let name = relation::free_name(table_name, columns, &label, schema, like.constraint.is_some());
            if !self.names.contains(&(schema, name.clone())) {
                self.names.push((schema, name.clone()));
                return name;
            }
            number += 1;
        }
    }
}
