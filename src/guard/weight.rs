//! How much hangs on a relation: its size, and who uses it. What breaking and lossy rules weigh.

use super::size::Size;
use crate::catalog::references::{self, References};
use crate::ddl::{Column, Relation};
use crate::error::Result;

/// The weight of a relation, or of a column of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub size: Size,
    pub references: References,
    large: bool,
    stored: bool,
}

impl Weight {
    /// Of a relation.
    pub fn of(relation: &Relation) -> Result<Self> {
        Self::weigh(relation, None)
    }

    /// Of a column: the size is its table's.
    pub fn of_column(relation: &Relation, column: &Column) -> Result<Self> {
        Self::weigh(relation, Some((column.number, &column.name)))
    }

    fn weigh(relation: &Relation, column: Option<(i16, &str)>) -> Result<Self> {
        let size = Size::of(&relation.leaves)?;
        let references = references::of(relation.oid, &relation.name, column)?;
        Ok(Self { size, references, large: size.is_large(), stored: !relation.leaves.is_empty() })
    }

    /// Large, or used by others.
    pub fn is_heavy(&self) -> bool {
        self.large || !self.references.is_empty()
    }

    /// `public.users has about 1000000 rows, 57 MB. Foreign keys: public.orders (orders_user_id_fkey). Views: ...`
    pub fn describe(&self, name: &str) -> Result<String> {
        let size = match self.stored {
            false => String::new(),
            true if self.size.bytes == 0 => format!("{name} is empty."),
            true => format!("{name} has {}.", self.size.describe()?),
        };
        Ok([size, self.users()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
    }

    /// Who uses it; empty when nobody is known to.
    pub fn users(&self) -> String {
        let References { foreign_keys, views, functions } = &self.references;
        let named = [
            ("Foreign keys that reference it", foreign_keys),
            ("Views on it", views),
            ("Functions whose text names it", functions),
        ];
        let parts = named.iter().filter(|(_, list)| !list.is_empty());
        parts.map(|(what, list)| format!("{what}: {}.", listed(list))).collect::<Vec<_>>().join(" ")
    }
}

/// Names in a list; beyond eight, how many more there are.
const LISTED: usize = 8;

/// `a, b and 3 more`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 view`, `2 views`.
pub fn counted(count: usize, one: &str) -> String {
    let many = if one.ends_with('y') && !one.ends_with("ey") {
        format!("{}ies", one.trim_end_matches('y'))
    } else if one.ends_with('x') {
        format!("{one}es")
    } else {
        format!("{one}s")
    };
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        let many: Vec<String> = (0..11).map(|i| i.to_string()).collect();
        assert_eq!(listed(&many), "0, 1, 2, 3, 4, 5, 6, 7 and 3 more");
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(counted(1, "index"), "1 index");
        assert_eq!(counted(2, "index"), "2 indexes");
        assert_eq!(counted(2, "policy"), "2 policies");
        assert_eq!(counted(2, "foreign key"), "2 foreign keys");
    }

    #[test]
    fn users_are_told() {
        let references = References {
            foreign_keys: vec!["public.o (o_fk)".into()],
            views: vec![],
            functions: vec!["public.f()".into()],
        };
        let weight = Weight { references, ..Weight::default() };
        assert!(weight.is_heavy());
        assert_eq!(
            weight.users(),
            "Foreign keys that reference it: public.o (o_fk). Functions whose text names it: public.f()."
        );
        assert!(!Weight::default().is_heavy());
    }
}
