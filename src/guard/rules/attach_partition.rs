//! `attach-partition`: a large table becomes a partition, and nothing proves that its rows belong there.
//!
//! Hazard: every row is read under ACCESS EXCLUSIVE. A CHECK of the bound that leaves out IS NOT NULL proves nothing.

use crate::ddl::{Change, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::attach;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "attach-partition",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ATTACH PARTITION of a large table whose constraints do not prove that its rows belong to the partition.",
    hazard: "Every row of it is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add a CHECK of exactly the partition's constraint, IS NOT NULL included, NOT VALID; validate it; attach; drop \
               it.",
    bad: "CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind FROM events; \
          ALTER TABLE events_2027 ALTER at SET NOT NULL; \
          ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    good: "CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind FROM events; \
           ALTER TABLE events_2027 ALTER at SET NOT NULL, ADD CHECK (at >= '2027-01-01' AND at < '2028-01-01'); \
           ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let own = |a: &crate::ddl::Attachment| {
        a.unproven.iter().filter(|u| !u.of_default).flat_map(|u| u.scanned.clone()).collect()
    };
    let Some((attachment, work)) = attach::blocking(change, WorkKind::Scan, own)? else { return Ok(None) };
    let partition = &attachment.partition;
    let parent = change.on.as_ref().map_or("", |on| on.name.as_str());
    let message =
        format!("attaching \"{}\" to \"{parent}\" would block reads and writes of it for a full scan", partition.name);
    let detail = format!(
        "{} Its constraints do not prove that its rows belong to the partition.",
        work.describe_as(&partition.quoted, work.tables.len())?
    );
    let mut finding = Finding::new(change, message, detail, attach::recipe(change, attachment, RULE.id));
    finding.relation = Some(partition.clone());
    Ok(Some(finding))
}
