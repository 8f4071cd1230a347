//! `attach-scans-default`: a partition is attached, and nothing proves that the large DEFAULT partition holds no row of it.
//!
//! Hazard: the DEFAULT partition is read under ACCESS EXCLUSIVE, row by row.

use crate::ddl::{Change, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::attach;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "attach-scans-default",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ATTACH PARTITION where a large DEFAULT partition must be searched for rows of the new one.",
    hazard: "Every row of the DEFAULT partition is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Prove with a validated CHECK on the DEFAULT partition that it holds no such row, then attach.",
    bad: "CREATE TABLE events_other PARTITION OF events DEFAULT; \
          INSERT INTO events SELECT g, date '2030-01-01', 'x' FROM generate_series(1, 5000) g; \
          CREATE TABLE events_2027 (LIKE events); \
          ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    good: "CREATE TABLE events_other PARTITION OF events DEFAULT; \
           INSERT INTO events SELECT g, date '2030-01-01', 'x' FROM generate_series(1, 5000) g; \
           ALTER TABLE events_other ADD CHECK (at >= '2030-01-01'); \
           CREATE TABLE events_2027 (LIKE events); \
           ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let of_default = |a: &crate::ddl::Attachment| {
        a.unproven.iter().filter(|u| u.of_default).flat_map(|u| u.scanned.clone()).collect()
    };
    let Some((attachment, work)) = attach::blocking(change, WorkKind::Scan, of_default)? else { return Ok(None) };
    let Some(default) = attachment.unproven.iter().find(|u| u.of_default).map(|u| &u.table) else { return Ok(None) };
    let message = format!(
        "attaching \"{}\" would block reads and writes of the DEFAULT partition \"{}\" for a full scan",
        attachment.partition.name, default.name
    );
    let detail = format!(
        "{} Its constraints do not prove that none of its rows belongs to the new partition.",
        work.describe_as(&default.quoted, work.tables.len())?
    );
    let mut finding = Finding::new(change, message, detail, attach::recipe(change, attachment, RULE.id));
    finding.relation = Some(default.clone());
    Ok(Some(finding))
}
