//! What a statement drops before it does anything else: also what goes with a column, and from children what they have from
//! nobody else.

use pgrx::pg_sys::{self, AlterTableType as At, Oid};

use super::{Alteration, constraint, not_null};
use crate::pg::analysis::catalogue::{self, CONSTRAINTS_OF, Key, PARENTS_OF, Row};
use crate::pg::analysis::prior;

impl Alteration<'_> {
    /// Whether a column of one of its tables goes.
    pub fn loses_column(&self, table: Oid, name: &str) -> bool {
        if !self.drops_column(name) {
            return false;
        }
        let inherited = || catalogue::attribute_named(table, name).map_or(0, |a| a.only_from);
        table == self.oid || self.goes_along(table, name, inherited(), |parent| self.loses_column(parent, name))
    }

    /// Whether a constraint of one of its tables goes.
    pub fn loses_constraint(&self, table: Oid, row: &Row) -> bool {
        const DROPS: [At::Type; 3] = [At::AT_DropColumn, At::AT_DropConstraint, At::AT_DropNotNull];
        if !self.commands.iter().any(|c| DROPS.contains(&c.subtype)) && !prior::in_script() {
            return false;
        }
        let name = row.name(c"conname");
        let columns: Vec<String> = row
            .small_array(c"conkey")
            .into_iter()
            .filter_map(|number| catalogue::attribute(table, number))
            .map(|column| column.name)
            .collect();
        if columns.iter().any(|column| self.loses_column(table, column)) {
            return true;
        }
        // That of a partition is a part of its parent's.
        if let Some(parent) = catalogue::constraint(Oid::from(row.oid(c"conparentid"))) {
            return self.loses_constraint(Oid::from(parent.oid(c"conrelid")), &parent);
        }
        let native = if row.character(c"contype") == 'n' { columns.first() } else { None };
        if table == self.oid {
            return self.drops_constraint(&name) || native.is_some_and(|column| self.drops_not_null(column));
        }
        let inherited =
            if row.boolean(c"conislocal") == Some(false) { i64::from(row.small(c"coninhcount")) } else { 0 };
        self.goes_along(table, &format!("CONSTRAINT {name}"), inherited, |parent| {
            let above = match native {
                Some(column) => {
                    catalogue::attribute_named(parent, column).and_then(|a| not_null::native(parent, a.number))
                }
                None => constraint::named(parent, &name),
            };
            above.is_some_and(|row| row.boolean(c"connoinherit") != Some(true) && self.loses_constraint(parent, &row))
        })
    }

    /// Whether a column that is NOT NULL may hold NULL by the time that something is added.
    pub fn loses_not_null(&self, table: Oid, attribute: &catalogue::Attribute) -> bool {
        match not_null::native(table, attribute.number) {
            Some(row) => self.loses_constraint(table, &row),
            // Before 18, DROP NOT NULL asks no child where it has it from.
            None => (table == self.oid || self.recurses) && self.drops_not_null(&attribute.name),
        }
    }

    /// DROP NOT NULL of a column of the relation's. Postgres refuses it for the primary key.
    fn drops_not_null(&self, column: &str) -> bool {
        self.names_of(At::AT_DropNotNull).any(|name| name == column)
            && catalogue::attribute_named(self.oid, column).is_some_and(|attribute| {
                !CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", self.oid.to_u32())]).iter().any(|row| {
                    row.character(c"contype") == 'p'
                        && row.small_array(c"conkey").contains(&attribute.number)
                        && !self.loses_constraint(self.oid, row)
                })
            })
    }

    /// Whether what a child has from so many parents, and not by itself, goes because they lose it. Asked once for each child
    /// and each thing: a tree may have many ways from its leaves to its root.
    fn goes_along(&self, child: Oid, what: &str, from: i64, loses: impl Fn(Oid) -> bool) -> bool {
        if !self.recurses || from <= 0 {
            return false;
        }
        let asked = (child.to_u32(), what.to_owned());
        if let Some(known) = self.losses.borrow().get(&asked) {
            return *known;
        }
        // SAFETY: raises an error where a tree is too deep for the stack.
        unsafe { pg_sys::check_stack_depth() };
        let parents = PARENTS_OF.rows(&[Key::Oid(c"inhrelid", child.to_u32())]);
        let parents = parents.iter().map(|row| Oid::from(row.oid(c"inhparent")));
        let losing = parents.filter(|parent| self.tables.contains(parent)).filter(|parent| loses(*parent)).count();
        let goes = i64::try_from(losing).is_ok_and(|losing| losing >= from);
        self.losses.borrow_mut().insert(asked, goes);
        goes
    }
}
