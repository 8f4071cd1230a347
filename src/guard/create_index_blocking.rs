//! `create-index-blocking`: an index built on a large table while writes to it are blocked.
//!
//! Hazard: CREATE INDEX holds SHARE for the whole build. The safe way is CONCURRENTLY; a partitioned table, which
//! refuses that, gets its index leaf by leaf.

use super::Finding;
use super::size::Size;
use crate::catalog::storage;
use crate::ddl::{IndexDefinition, Partition, Relation};
use crate::error::Result;
use crate::pg::index_statement::shape;

const RULE: &str = "create-index-blocking";

/// Partitions a hint lists one by one; beyond that it generates the statements.
const LISTED: usize = 12;

/// Refuses when what would be built is large.
pub fn find(relation: &Relation, index: &IndexDefinition) -> Result<Option<Finding>> {
    let built = to_build(relation, index)?;
    let size = Size::of(&built)?;
    if !size.is_large() {
        return Ok(None);
    }
    let partitions = match built.len() {
        _ if !relation.partitioned => String::new(),
        1 => " in one partition".to_owned(),
        count => format!(" in {count} partitions"),
    };
    Ok(Some(Finding {
        rule: RULE,
        message: format!("building an index on \"{}\" would block writes to it", relation.name),
        detail: format!(
            "{} has {}{partitions}. CREATE INDEX holds a SHARE lock while it reads them, which blocks INSERT, UPDATE and \
             DELETE.",
            relation.quoted,
            size.describe()?
        ),
        hint: hint(relation, index, &built),
        schema: relation.schema.clone(),
        table: relation.name.clone(),
        column: None,
    }))
}

/// The leaves that have no such index yet; Postgres attaches one that is there instead of building it.
fn to_build(relation: &Relation, index: &IndexDefinition) -> Result<Vec<u32>> {
    if !relation.partitioned {
        return Ok(relation.leaves.clone());
    }
    let mut built = relation.leaves.clone();
    for (leaf, definition) in storage::free_indexes(&relation.leaves)? {
        if shape(&definition).as_deref() == Some(index.shape.as_str()) {
            built.retain(|oid| *oid != leaf);
        }
    }
    Ok(built)
}

fn hint(relation: &Relation, index: &IndexDefinition, built: &[u32]) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let Some(body) = &index.body else {
        return "Type the same statement with CONCURRENTLY behind INDEX, outside of a transaction block.".to_owned();
    };
    if !relation.partitioned {
        return format!(
            "Build it without blocking, outside of a transaction block:\n\
             CREATE {unique}INDEX CONCURRENTLY {}ON {} {body};",
            index.name_clause, relation.quoted
        );
    }
    let mut lines = vec!["Build it partition by partition, outside of a transaction block:".to_owned()];
    let leaves: Vec<&Partition> = index.partitions.iter().filter(|p| built.contains(&p.oid)).collect();
    if leaves.len() <= LISTED {
        lines.extend(
            leaves
                .iter()
                .map(|leaf| format!("CREATE {unique}INDEX CONCURRENTLY {} ON {} {body};", leaf.index, leaf.quoted)),
        );
    } else {
        let literal = |text: &str| text.replace('\'', "''");
        lines.push(format!(
            "SELECT format('CREATE {unique}INDEX CONCURRENTLY ON %s {}', relid) \
             FROM pg_partition_tree('{}') WHERE isleaf \\gexec",
            literal(body).replace('%', "%%"),
            literal(&relation.quoted)
        ));
    }
    // Finds an index like it on every leaf, attaches them, and builds nothing.
    lines.push(format!("CREATE {unique}INDEX {}ON {} {body};", index.name_clause, relation.quoted));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(partitioned: bool, leaves: Vec<u32>) -> Relation {
        Relation { oid: 1, schema: "s".into(), name: "t".into(), quoted: "s.t".into(), partitioned, leaves }
    }

    fn index(partitions: Vec<Partition>, body: Option<&str>) -> IndexDefinition {
        IndexDefinition {
            unique: true,
            name_clause: "i ".into(),
            body: body.map(str::to_owned),
            shape: String::new(),
            partitions,
        }
    }

    #[test]
    fn a_plain_table_gets_concurrently() {
        let text = hint(&relation(false, vec![1]), &index(vec![], Some("USING btree (a)")), &[1]);
        assert!(text.ends_with("\nCREATE UNIQUE INDEX CONCURRENTLY i ON s.t USING btree (a);"), "{text}");
    }

    #[test]
    fn many_partitions_are_generated() {
        let leaf = |oid: u32| Partition { oid, quoted: format!("s.t{oid}"), index: format!("t{oid}_idx") };
        let few: Vec<u32> = (2..4).collect();
        let text =
            hint(&relation(true, few.clone()), &index(few.iter().map(|o| leaf(*o)).collect(), Some("(a)")), &few);
        assert!(text.contains("CREATE UNIQUE INDEX CONCURRENTLY t3_idx ON s.t3 (a);"), "{text}");
        assert!(text.ends_with("\nCREATE UNIQUE INDEX i ON s.t (a);"));
        let many: Vec<u32> = (2..40).collect();
        let text =
            hint(&relation(true, many.clone()), &index(many.iter().map(|o| leaf(*o)).collect(), Some("(a)")), &many);
        assert!(text.contains("\\gexec") && text.lines().count() == 3, "{text}");
    }
}
