//! Foreign keys of a partitioned table that a table's rows are checked against when it becomes its partition: those for
//! which it has no equal, valid one.

use pgrx::pg_sys::{self, ForeignKeyCacheInfo, NodeTag, Oid};

use super::catalogue::{self, Row};
use crate::ddl::MissingKey;
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, convert, node, raw, versions};

/// What would be checked, table by table.
///
/// # Safety
/// `parent` is partitioned; both are open.
pub unsafe fn missing(parent: &Peek, table: &Peek) -> Result<Vec<MissingKey>> {
    // SAFETY: the caller's promise.
    unsafe {
        let keys = of_table(parent);
        let all: Vec<Oid> = keys.iter().map(|key| key.conoid).collect();
        let mut found = Vec::new();
        for key in &keys {
            let Some(row) = catalogue::constraint(key.conoid) else { continue };
            // Parts of a key that is taken over come with it; nothing is checked for one that is not enforced.
            if all.contains(&Oid::from(row.oid(c"conparentid"))) || row.boolean(c"conenforced") == Some(false) {
                continue;
            }
            let like = Like { parent, key, row, definition: definition(parent, key.conoid) };
            like.descend(table, &mut found)?;
        }
        Ok(found)
    }
}

/// The foreign keys of a table, copied out of the relcache.
///
/// # Safety
/// The table is open.
unsafe fn of_table(table: &Peek) -> Vec<ForeignKeyCacheInfo> {
    // SAFETY: a list of such nodes; the tag is checked.
    unsafe {
        node::elements(pg_sys::RelationGetFKeyList(table.entry()))
            .into_iter()
            .filter_map(|n| node::cast::<ForeignKeyCacheInfo>(n, NodeTag::T_ForeignKeyCacheInfo))
            .map(|key| *key)
            .collect()
    }
}

/// FOREIGN KEY ... as Postgres writes it, without NOT VALID.
fn definition(table: &Peek, key: Oid) -> Option<String> {
    let (schema, name) = relation::names(table.oid());
    // SAFETY: a look-up by oid; palloc'd results.
    unsafe {
        let own = relation::quoted(&convert::string(pg_sys::get_constraint_name(key))?);
        let prefix = format!("ALTER TABLE {} ADD CONSTRAINT {own} ", relation::qualified(&schema, &name));
        let whole = convert::string(pg_sys::pg_get_constraintdef_command(key))?;
        Some(whole.strip_prefix(&prefix)?.trim_end_matches(" NOT VALID").to_owned())
    }
}

/// A foreign key of the parent, to be matched.
struct Like<'a> {
    parent: &'a Peek,
    key: &'a ForeignKeyCacheInfo,
    row: Row,
    definition: Option<String>,
}

/// An equal key of a table.
struct Equal {
    name: String,
    valid: bool,
}

impl Like<'_> {
    /// # Safety
    /// The table is open.
    unsafe fn descend(&self, table: &Peek, found: &mut Vec<MissingKey>) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            let equal = self.equal(table);
            let parent_is_valid = self.row.boolean(c"convalidated") == Some(true);
            if let Some(equal) = &equal
                && (equal.valid || versions::UNVALIDATED_KEYS_ARE_ATTACHED && !parent_is_valid)
            {
                return Ok(());
            }
            let whole = versions::UNVALIDATED_KEYS_ARE_ATTACHED && equal.is_some();
            match relation::kind_of(table.oid()) {
                pg_sys::RELKIND_RELATION => found.push(self.missing(table, equal)?),
                pg_sys::RELKIND_PARTITIONED_TABLE if whole => found.push(self.missing(table, equal)?),
                pg_sys::RELKIND_PARTITIONED_TABLE => {
                    for oid in relation::children(table.oid())? {
                        if let Some(partition) = Peek::open(oid) {
                            self.descend(&partition, found)?;
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        }
    }

    /// A key of the table that could be taken for it; a valid one rather than another.
    ///
    /// # Safety
    /// The table is open.
    unsafe fn equal(&self, table: &Peek) -> Option<Equal> {
        // SAFETY: open relations; nkeys counts the columns, whose numbers are those of the parent.
        let columns: Vec<i16> = unsafe {
            let map = &*versions::map_by_name((*table.entry()).rd_att, (*self.parent.entry()).rd_att);
            let numbers = self.columns(self.key).0.iter();
            numbers.map(|n| *map.attnums.add(usize::try_from(*n - 1).unwrap_or(0))).collect()
        };
        let mut best: Option<Equal> = None;
        // SAFETY: the caller's promise.
        for key in unsafe { of_table(table) } {
            let (own, referenced, operators) = self.columns(&key);
            let (_, their_referenced, their_operators) = self.columns(self.key);
            if key.confrelid != self.key.confrelid
                || own != columns
                || referenced != their_referenced
                || operators != their_operators
            {
                continue;
            }
            let Some(row) = catalogue::constraint(key.conoid) else { continue };
            let same = [c"condeferrable", c"condeferred"].iter().all(|c| row.boolean(c) == self.row.boolean(c))
                && [c"confupdtype", c"confdeltype", c"confmatchtype"]
                    .iter()
                    .all(|c| row.character(c) == self.row.character(c));
            if !same || row.oid(c"conparentid") != 0 {
                continue;
            }
            let equal = Equal { name: row.name(c"conname"), valid: row.boolean(c"convalidated") == Some(true) };
            // From 18 the first is taken, valid or not.
            if best.is_none() || (equal.valid && !versions::UNVALIDATED_KEYS_ARE_ATTACHED) {
                best = Some(equal);
            }
        }
        best
    }

    fn columns<'k>(&self, key: &'k ForeignKeyCacheInfo) -> (&'k [i16], &'k [i16], &'k [Oid]) {
        let count = usize::try_from(key.nkeys).unwrap_or(0).min(key.conkey.len());
        (&key.conkey[..count], &key.confkey[..count], &key.conpfeqop[..count])
    }

    /// # Safety
    /// The table is open.
    unsafe fn missing(&self, table: &Peek, equal: Option<Equal>) -> Result<MissingKey> {
        let (schema, name) = relation::names(table.oid());
        let mut leaves = relation::inheritors(table.oid())?;
        leaves.retain(|leaf| relation::has_storage(*leaf));
        let exists = equal.is_some();
        let own = match equal {
            Some(equal) => equal.name,
            // SAFETY: as the caller's.
            None => unsafe { self.free_name(table, &name)? },
        };
        Ok(MissingKey {
            leaves: leaves.into_iter().map(Oid::to_u32).collect(),
            table: relation::qualified(&schema, &name),
            name: relation::quoted(&own),
            exists,
            definition: self.definition.clone(),
        })
    }

    /// The name that Postgres will give it: the parent's, unless the table has that already.
    ///
    /// # Safety
    /// The table is open.
    unsafe fn free_name(&self, table: &Peek, table_name: &str) -> Result<String> {
        const OF_RELATION: i32 = 0;
        let parents = self.row.name(c"conname");
        let own_copy = convert::c_string(&parents);
        let (wanted, oid) = (own_copy.as_ptr(), table.oid());
        // SAFETY: NUL-terminated names; look-ups by oid and number; palloc'd results.
        unsafe {
            if !boundary::catch(|| raw::ConstraintNameIsUsed(OF_RELATION, oid, wanted))? {
                return Ok(parents);
            }
            let columns: Vec<String> = self
                .columns(self.key)
                .0
                .iter()
                .filter_map(|n| convert::string(pg_sys::get_attname(self.parent.oid(), *n, true)))
                .collect();
            let (table_name, columns) = (convert::c_string(table_name), convert::c_string(&columns.join("_")));
            let (first, second, label) = if versions::KEYS_ARE_NAMED_AFTER_PARENTS {
                (wanted, std::ptr::null(), c"".as_ptr())
            } else {
                (table_name.as_ptr(), columns.as_ptr(), c"fkey".as_ptr())
            };
            let (schema, others) = (pg_sys::get_rel_namespace(oid), std::ptr::null_mut());
            let name = boundary::catch(|| raw::ChooseConstraintName(first, second, label, schema, others))?;
            Ok(convert::string(name).unwrap_or_default())
        }
    }
}
