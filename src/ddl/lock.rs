//! Table-level lock modes, in Postgres's order of strength.

/// A lock mode of a table. The order is Postgres's own numbering, from 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    AccessShare = 1,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl LockMode {
    /// All of them, weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Postgres's number of a mode; `None` for 0 and what is none.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| *mode as i32 == number)
    }

    /// As the manual writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// What it blocks, in plain words.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "only other DDL",
            Self::ShareUpdateExclusive => "other DDL and VACUUM",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "INSERT, UPDATE and DELETE",
            Self::AccessExclusive => "reads and writes",
        }
    }

    /// Whether two transactions cannot hold these on one table.
    pub fn conflicts_with(self, other: Self) -> bool {
        let (weak, strong) = if self < other { (self, other) } else { (other, self) };
        match weak {
            Self::AccessShare => strong == Self::AccessExclusive,
            Self::RowShare => strong >= Self::Exclusive,
            Self::RowExclusive => strong >= Self::Share,
            // SHARE is the one from here on that lets itself in.
            Self::Share => strong != Self::Share,
            _ => true,
        }
    }

    /// The mode of the name that pg_locks has, such as `AccessShareLock`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().replace(' ', "").eq_ignore_ascii_case(name.trim_end_matches("Lock")))
    }

    /// Whether INSERT, UPDATE and DELETE wait for it.
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }
}

/// A lock that a statement takes on one relation, for a plan of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// `None` for one that the script makes, and where every table of a schema or database stands for its tables.
    pub relation: Option<u32>,
    /// Qualified and quoted.
    pub quoted: String,
    /// `None` where nobody could wait for it: the script makes the relation.
    pub mode: Option<LockMode>,
    /// What the statement is about; others are locked along with it.
    pub subject: bool,
    /// Of a subject: the tables with rows that it stands for, before the statement; `None` for views and the like.
    pub tables: Option<Vec<u32>>,
    /// There is no such relation yet, and no earlier statement is known to make it.
    pub missing: bool,
}

#[cfg(test)]
mod tests {
    use super::LockMode;

    #[test]
    fn numbers_are_postgres_own() {
        for (i, mode) in LockMode::ALL.into_iter().enumerate() {
            assert_eq!(mode as usize, i + 1);
            assert_eq!(LockMode::from_number(mode as i32), Some(mode));
        }
        assert_eq!(LockMode::from_number(0), None);
    }

    #[test]
    fn conflicts_are_those_of_the_manual() {
        use LockMode::*;
        // Rows: what each mode conflicts with.
        let table: [(LockMode, &[LockMode]); 8] = [
            (AccessShare, &[AccessExclusive]),
            (RowShare, &[Exclusive, AccessExclusive]),
            (RowExclusive, &[Share, ShareRowExclusive, Exclusive, AccessExclusive]),
            (ShareUpdateExclusive, &[ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive]),
            (Share, &[RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive]),
            (
                ShareRowExclusive,
                &[RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive],
            ),
            (
                Exclusive,
                &[RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive],
            ),
            (AccessExclusive, &LockMode::ALL),
        ];
        for (mode, conflicting) in table {
            for other in LockMode::ALL {
                assert_eq!(mode.conflicts_with(other), conflicting.contains(&other), "{mode:?} {other:?}");
            }
        }
    }

    #[test]
    fn names_of_pg_locks_are_known() {
        assert_eq!(LockMode::named("ShareUpdateExclusiveLock"), Some(LockMode::ShareUpdateExclusive));
        assert_eq!(LockMode::named("AccessShareLock"), Some(LockMode::AccessShare));
        assert_eq!(LockMode::named("SIReadLock"), None);
    }

    #[test]
    fn writes_wait_from_share() {
        assert!(LockMode::Share.blocks_writes() && !LockMode::ShareUpdateExclusive.blocks_writes());
    }
}
