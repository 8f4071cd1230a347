//! `attach-builds-index`: a large table becomes a partition and lacks an index of the parent.
//!
//! Hazard: the index is built while ACCESS EXCLUSIVE is held.

use crate::ddl::{Change, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::attach;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "attach-builds-index",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ATTACH PARTITION of a large table that lacks indexes of the partitioned table.",
    hazard: "They are built under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Build them CONCURRENTLY first, constraints with USING INDEX; ATTACH takes what is there.",
    bad: "CREATE INDEX events_kind ON ONLY events (kind); \
          CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind FROM events; \
          ALTER TABLE events_2027 ALTER at SET NOT NULL, ADD CHECK (at >= '2027-01-01' AND at < '2028-01-01'); \
          ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    good: "CREATE INDEX events_kind ON ONLY events (kind); \
           CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind FROM events; \
           ALTER TABLE events_2027 ALTER at SET NOT NULL, ADD CHECK (at >= '2027-01-01' AND at < '2028-01-01'); \
           CREATE INDEX CONCURRENTLY ON events_2027 (kind); \
           ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let built = |a: &crate::ddl::Attachment| a.builds.iter().map(|index| index.leaf).collect();
    let Some((attachment, work)) = attach::blocking(change, WorkKind::Build, built)? else { return Ok(None) };
    let partition = &attachment.partition;
    let count = attachment.builds.len();
    let (indexes, them) = if count == 1 { ("an index", "it") } else { ("indexes", "them") };
    let message =
        format!("attaching \"{}\" would block reads and writes of it while {indexes} would be built", partition.name);
    let names: Vec<&str> = attachment.builds.iter().take(3).map(|index| index.name.as_str()).collect();
    let more = if count > names.len() { ", ..." } else { "" };
    let detail = format!(
        "{} The partitioned table has {indexes} that it lacks; {them} would become {}{more}.",
        work.describe_as(&partition.quoted, work.tables.len())?,
        names.join(", ")
    );
    let mut finding = Finding::new(change, message, detail, attach::recipe(change, attachment, RULE.id));
    finding.relation = Some(partition.clone());
    Ok(Some(finding))
}
