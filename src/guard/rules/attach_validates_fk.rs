//! `attach-validates-fk`: a large table becomes a partition and lacks a foreign key of the parent.
//!
//! Hazard: its rows are checked against the referenced table under ACCESS EXCLUSIVE.

use crate::ddl::{Change, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::attach;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};

pub static RULE: Rule = Rule {
    id: "attach-validates-fk",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ATTACH PARTITION of a large table that lacks a foreign key of the partitioned table.",
    hazard: "Every row is checked under an ACCESS EXCLUSIVE lock, which blocks reads and writes, and writes to the \
             referenced table are blocked too.",
    safe_way: "Add an equal foreign key NOT VALID and validate it first; ATTACH takes it over.",
    bad: "ALTER TABLE events ADD user_id bigint REFERENCES users; \
          CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind, user_id FROM events; \
          ALTER TABLE events_2027 ALTER at SET NOT NULL, ADD CHECK (at >= '2027-01-01' AND at < '2028-01-01'); \
          ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    good: "ALTER TABLE events ADD user_id bigint REFERENCES users; \
           CREATE TABLE events_2027 AS SELECT id, date '2027-01-01' AS at, kind, user_id FROM events; \
           ALTER TABLE events_2027 ALTER at SET NOT NULL, ADD CHECK (at >= '2027-01-01' AND at < '2028-01-01'); \
           ALTER TABLE events_2027 ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID; \
           ALTER TABLE events_2027 VALIDATE CONSTRAINT events_2027_user_id_fkey; \
           ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let checked = |a: &crate::ddl::Attachment| a.validates.iter().flat_map(|key| key.leaves.clone()).collect();
    let Some((attachment, work)) = attach::blocking(change, WorkKind::Scan, checked)? else { return Ok(None) };
    let partition = &attachment.partition;
    let message =
        format!("attaching \"{}\" would block reads and writes of it while a foreign key is checked", partition.name);
    let names: Vec<&str> = attachment.validates.iter().map(|key| key.name.as_str()).collect();
    let detail = format!(
        "{} It has no valid foreign key like {} of the partitioned table.",
        work.describe_as(&partition.quoted, work.tables.len())?,
        names.join(", ")
    );
    let mut finding = Finding::new(change, message, detail, attach::recipe(change, attachment, RULE.id));
    finding.relation = Some(partition.clone());
    Ok(Some(finding))
}
