//! `create-partition-scans-default`: a partition is created, and nothing proves that the large DEFAULT partition holds no
//! row of it.
//!
//! Hazard: the DEFAULT partition is read while the whole partitioned table is locked.

use crate::ddl::{Change, ChangeKind, Ddl, NewTable, Unproven, WorkKind};
use crate::error::Result;
use crate::guard::attach;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "create-partition-scans-default",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "CREATE TABLE ... PARTITION OF where a large DEFAULT partition must be searched for rows of the new one.",
    hazard: "Every row of the DEFAULT partition is read while it and the partitioned table are locked ACCESS EXCLUSIVE, \
             which blocks reads and writes of the whole table.",
    safe_way: "Prove with a validated CHECK on the DEFAULT partition that it holds no such row; then create the table and \
               attach it.",
    bad: "CREATE TABLE events_other PARTITION OF events DEFAULT; \
          INSERT INTO events SELECT g, date '2030-01-01', 'x' FROM generate_series(1, 5000) g; \
          CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    good: "CREATE TABLE events_other PARTITION OF events DEFAULT; \
           INSERT INTO events SELECT g, date '2030-01-01', 'x' FROM generate_series(1, 5000) g; \
           ALTER TABLE events_other ADD CHECK (at >= '2030-01-01'); \
           CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    find,
};

/// What a partition takes over from its parent. An identity belongs to the parent.
const LIKE: &str = "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE \
                    INCLUDING COMPRESSION";

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::CreateTable(table) = &change.kind else { return Ok(None) };
    let (Some(unproven), Some(parent)) = (&table.unproven, &table.partition_of) else { return Ok(None) };
    let Some(work) = attach::on_tables(change, WorkKind::Scan, &unproven.scanned)? else { return Ok(None) };
    let default = &unproven.table;
    let message = format!(
        "creating a partition of \"{}\" would block reads and writes of it while its DEFAULT partition is scanned",
        parent.name
    );
    let detail = format!(
        "{} All of {} is locked meanwhile. No constraint proves that none of the rows belongs to the new partition.",
        work.describe_as(&default.quoted, work.tables.len())?,
        parent.quoted
    );
    let mut finding = Finding::new(change, message, detail, recipe(change, table, unproven));
    finding.relation = Some(default.clone());
    Ok(Some(finding))
}

fn recipe(change: &Change, table: &NewTable, unproven: &Unproven) -> Recipe {
    let Some(mut lines) = attach::prove(unproven) else {
        let why = if table.bound.is_none() {
            "What the bound means cannot be told now: another session has the partitioned table locked, or a function of \
             yours is in it."
        } else {
            "No CHECK can prove that the DEFAULT partition holds no such row."
        };
        return Recipe::window(RULE.id, why, change);
    };
    match (&table.clauses, &table.bound, &table.partition_of, &change.sql) {
        (Some((before, behind)), Some(bound), Some(parent), _) => {
            let (name, parent) = (&table.quoted, &parent.quoted);
            lines.push(format!("CREATE {before}TABLE {name} (LIKE {parent} {LIKE}){behind};"));
            lines.push(format!("ALTER TABLE {parent} ATTACH PARTITION {name} {bound};"));
        }
        // With the proof there, it locks the partitioned table for a moment only.
        (_, _, _, Some(sql)) => lines.push(format!("{sql};")),
        _ => {
            let sentence = "Prove it first, each statement in a transaction of its own. Then type the statement again, and drop the proof:";
            return Recipe::new(sentence, lines);
        }
    }
    lines.push(attach::drop_proof(unproven));
    Recipe::new("Prove it without blocking first, each statement in a transaction of its own:", lines)
}
