//! The blocking rules' common question: would long work be done on a large table while others wait?

use super::size::Size;
use crate::ddl::{Change, LockMode, Work, WorkKind};
use crate::error::Result;

/// Long work on large tables under a lock that blocks writes.
#[derive(Clone, Debug)]
pub struct Blocking {
    /// The tables together.
    pub size: Size,
    pub tables: Vec<u32>,
    pub lock: LockMode,
    /// An earlier statement of the transaction took that lock.
    pub held_before: bool,
    /// The heaviest kind of it.
    pub kind: WorkKind,
}

impl Blocking {
    /// Of a command; `None` when there is none, or when all it works on is small.
    pub fn of(change: &Change) -> Result<Option<Self>> {
        Self::among(change, |_| true)
    }

    /// Of a command, counting certain kinds of work only.
    pub fn among(change: &Change, counts: impl Fn(WorkKind) -> bool) -> Result<Option<Self>> {
        Self::on(change, |work| counts(work.kind))
    }

    /// Of a command, counting some of its work only.
    pub fn on(change: &Change, counts: impl Fn(&Work) -> bool) -> Result<Option<Self>> {
        let work: Vec<_> = change.work.iter().filter(|w| w.lock.blocks_writes() && counts(w)).collect();
        let mut tables: Vec<u32> = work.iter().map(|w| w.relation).collect();
        tables.sort_unstable();
        tables.dedup();
        let Some(heaviest) = work.iter().max_by_key(|w| (w.kind, w.lock)) else { return Ok(None) };
        let size = Size::of(&tables)?;
        Ok(size.is_large().then(|| Self {
            size,
            tables,
            lock: work.iter().map(|w| w.lock).max().unwrap_or(heaviest.lock),
            held_before: work.iter().any(|w| w.held_before),
            kind: heaviest.kind,
        }))
    }

    /// Of a command that goes through its tables one after the other: the largest alone.
    pub fn largest(change: &Change) -> Result<Option<Self>> {
        let mut largest: Option<Self> = None;
        for work in change.work.iter().filter(|w| w.lock.blocks_writes()) {
            let size = Size::of(&[work.relation])?;
            if size.is_large() && largest.as_ref().is_none_or(|other| other.size.bytes < size.bytes) {
                let (tables, lock) = (vec![work.relation], work.lock);
                largest = Some(Self { size, tables, lock, held_before: work.held_before, kind: work.kind });
            }
        }
        Ok(largest)
    }

    /// `public.t has about 1000000 rows, 136 MB. It would be rewritten under an ACCESS EXCLUSIVE lock, which blocks reads
    /// and writes.`
    pub fn describe(&self, change: &Change) -> Result<String> {
        let name = change.on.as_ref().map_or("It", |on| on.quoted.as_str());
        self.describe_as(name, self.tables.len())
    }

    /// The same for a relation named otherwise, with that many tables below it.
    pub fn describe_as(&self, name: &str, tables: usize) -> Result<String> {
        let among = if tables > 1 { format!(" in {tables} tables") } else { String::new() };
        let done = match self.kind {
            WorkKind::Rewrite => "Every row would be written anew, and every index built anew,",
            WorkKind::Scan => "Every row would be read",
            WorkKind::Build => "Every row would be read to build an index",
            WorkKind::Copy => "Its files would be copied",
        };
        let (lock, blocks) = (self.lock.name(), self.lock.blocks());
        let article = if lock.starts_with(['A', 'E']) { "an" } else { "a" };
        let held = if self.held_before { " that this transaction holds already" } else { "" };
        Ok(format!(
            "{name} has {}{among}. {done} under {article} {lock} lock{held}, which blocks {blocks}.",
            self.size.describe()?
        ))
    }
}
