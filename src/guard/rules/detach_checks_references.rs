//! `detach-checks-references`: a partition is detached to which foreign keys of other tables point, through its parent.
//!
//! Hazard: those tables are read, to see that no row of theirs points to the partition, while they are locked.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "detach-checks-references",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "DETACH PARTITION of a partition that a large table references through the partitioned table.",
    hazard: "Every row of the referencing table is looked up in the partition under an ACCESS EXCLUSIVE lock, or SHARE with \
             CONCURRENTLY; writes to it wait.",
    safe_way: "There is none online as long as the foreign key is there.",
    bad: "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); \
          CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); \
          CREATE TABLE uses (part int REFERENCES parts); INSERT INTO uses SELECT NULL FROM generate_series(1, 5000); \
          ALTER TABLE parts DETACH PARTITION parts_1;",
    good: "ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::DetachPartition { partition, .. } = &change.kind else { return Ok(None) };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let names: Vec<String> = blocking.tables.iter().map(|table| pg::relation::qualified_name(*table)).collect();
    let message = format!("detaching \"{}\" would look up every row that references it", partition.name);
    let detail = blocking.describe_as(&names.join(", "), 1)?;
    let why = "The foreign key must be seen to hold without the partition.";
    Ok(Some(Finding::new(change, message, detail, Recipe::window(RULE.id, why, change))))
}
