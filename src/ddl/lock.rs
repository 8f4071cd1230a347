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

    /// Whether INSERT, UPDATE and DELETE wait for it.
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }
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
    fn writes_wait_from_share() {
        assert!(LockMode::Share.blocks_writes() && !LockMode::ShareUpdateExclusive.blocks_writes());
    }
}
