//! `create-index-blocking`: an index built on a large table while writes to it are blocked.
//!
//! Hazard: CREATE INDEX holds SHARE for the whole build. The safe way is CONCURRENTLY; a partitioned table, which
//! refuses that, gets its index leaf by leaf.

use crate::catalog::indexes::Index;
use crate::ddl::{Change, ChangeKind, Ddl, IndexDefinition, NodeKind, Relation, TreeNode};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "create-index-blocking",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "CREATE INDEX without CONCURRENTLY on a large table.",
    hazard: "It holds a SHARE lock for the whole build, which blocks INSERT, UPDATE and DELETE.",
    safe_way: "CREATE INDEX CONCURRENTLY; on a partitioned table, partition by partition.",
    bad: "CREATE INDEX users_email ON users (email);",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    find,
};

/// Partitions a hint lists one by one; beyond that it generates the statements.
const LISTED: usize = 12;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::CreateIndex(index), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let built: Vec<u32> = change.work.iter().map(|w| w.relation).collect();
    let size = blocking.size;
    let partitions = match built.len() {
        _ if !relation.partitioned => String::new(),
        1 => " in one partition".to_owned(),
        count => format!(" in {count} partitions"),
    };
    let message = format!("building an index on \"{}\" would block writes to it", relation.name);
    let detail = format!(
        "{} has {}{partitions}. CREATE INDEX holds a SHARE lock while it reads them, which blocks INSERT, UPDATE and DELETE.",
        relation.quoted,
        size.describe()?
    );
    // Postgres would take an invalid one of a partition for the index that it looks for, and end with an invalid one.
    let left = recipes::leftovers(if relation.partitioned { &relation.leaves } else { &built }, index, None)?;
    Ok(Some(Finding::new(change, message, detail, instead_of(relation, index, built, &left))))
}

/// The recipe for an index that is to be built on these tables, and on those where an interrupted build left something.
pub fn instead_of(relation: &Relation, index: &IndexDefinition, mut built: Vec<u32>, left: &[Index]) -> Recipe {
    built.extend(left.iter().map(|index| index.table));
    built.sort_unstable();
    built.dedup();
    let mut recipe = recipe_for(relation, index, &built);
    if !recipe.statements.is_empty() {
        recipe.statements.splice(0..0, left.iter().map(recipes::dropped));
    }
    recipe
}

/// How to make an index of a partitioned table, which takes no CONCURRENTLY: partition by partition, or with the statement
/// itself where that would block nothing for long. `plain` is a CREATE INDEX.
pub fn without_concurrently(plain: &Change) -> Result<Recipe> {
    if let Some(finding) = find(plain, &Ddl::default())? {
        return Ok(finding.recipe);
    }
    Ok(match &plain.sql {
        Some(sql) => Recipe::new(
            "There is little or nothing to build, so that it needs no CONCURRENTLY:",
            vec![format!("{sql};")],
        ),
        None => Recipe::advice("There is little or nothing to build: type it without CONCURRENTLY."),
    })
}

fn recipe_for(relation: &Relation, index: &IndexDefinition, built: &[u32]) -> Recipe {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = &index.name_clause;
    match &index.body {
        None if relation.partitioned => Recipe::advice(
            "The table is locked now. Build the index CONCURRENTLY on each partition first; this statement will then \
             attach them.",
        ),
        None => {
            Recipe::advice("Type the same statement with CONCURRENTLY behind INDEX, outside of a transaction block.")
        }
        Some(body) if relation.partitioned => Recipe::new(
            "Build it partition by partition, outside of a transaction block:",
            recipe(relation, index, built, body),
        ),
        Some(body) => Recipe::new(
            "Build it without blocking, outside of a transaction block:",
            vec![format!("CREATE {unique}INDEX CONCURRENTLY {name}ON {} {body};", relation.quoted)],
        ),
    }
}

/// The statements for a partitioned table.
fn recipe(relation: &Relation, index: &IndexDefinition, built: &[u32], body: &str) -> Vec<String> {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let leaves: Vec<&TreeNode> = index.tree.iter().filter(|n| built.contains(&n.oid)).collect();
    let concurrently =
        |leaf: &&TreeNode| format!("CREATE {unique}INDEX CONCURRENTLY {} ON {} {body};", leaf.index, leaf.quoted);
    // Finds an index like it on every leaf, attaches them, and builds nothing.
    let attach_all = format!("CREATE {unique}INDEX {}ON {} {body};", index.name_clause, relation.quoted);
    let all = index.tree.iter().filter(|n| n.kind == NodeKind::Leaf).count();
    // Some have it already, or were made by this transaction.
    let some_are_there = built.len() < all;
    if leaves.len() > LISTED {
        let literal = |text: &str| text.replace('\'', "''");
        let oids: Vec<String> = leaves.iter().map(|leaf| leaf.oid.to_string()).collect();
        let which = if some_are_there { format!("relid = ANY ('{{{}}}')", oids.join(",")) } else { "isleaf".into() };
        let generated = format!(
            "SELECT format('CREATE {unique}INDEX CONCURRENTLY ON %s {}', relid) \
             FROM pg_partition_tree('{}') WHERE {which} \\gexec",
            literal(body).replace('%', "%%"),
            literal(&relation.quoted)
        );
        return vec![generated, attach_all];
    }
    let mut lines: Vec<String> = leaves.iter().map(concurrently).collect();
    if some_are_there || index.tree.iter().any(|n| n.kind == NodeKind::Foreign) {
        lines.push(attach_all);
        return lines;
    }
    for node in index.tree.iter().filter(|n| n.kind == NodeKind::Partitioned) {
        let name = if node.parent_index.is_none() && !index.name_clause.is_empty() {
            index.name_clause.trim_end()
        } else {
            &node.index
        };
        lines.push(format!("CREATE {unique}INDEX {name} ON ONLY {} {body};", node.quoted));
    }
    // Children first: an index becomes valid when the last of its partitions is attached.
    for node in index.tree.iter().rev() {
        if let Some(parent) = &node.parent_index {
            lines.push(format!("ALTER INDEX {parent} ATTACH PARTITION {};", node.qualified_index));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(relation: &Relation, index: &IndexDefinition, built: &[u32]) -> String {
        let recipe = recipe_for(relation, index, built);
        std::iter::once(recipe.sentence).chain(recipe.statements).collect::<Vec<_>>().join("\n")
    }

    fn relation(partitioned: bool, leaves: Vec<u32>) -> Relation {
        Relation { quoted: "s.t".into(), partitioned, leaves, ..Relation::default() }
    }

    fn index(tree: Vec<TreeNode>, body: Option<&str>) -> IndexDefinition {
        let (name_clause, body) = ("i ".into(), body.map(str::to_owned));
        IndexDefinition { unique: true, name_clause, body, shape: String::new(), invalid: None, tree }
    }

    fn node(oid: u32, kind: NodeKind) -> TreeNode {
        TreeNode {
            oid,
            quoted: format!("s.t{oid}"),
            index: format!("t{oid}_idx"),
            qualified_index: format!("s.t{oid}_idx"),
            parent_index: (oid > 1).then(|| "s.i".to_owned()),
            kind,
        }
    }

    fn tree(leaves: &[u32]) -> Vec<TreeNode> {
        let leaves = leaves.iter().map(|oid| node(*oid, NodeKind::Leaf));
        std::iter::once(node(1, NodeKind::Partitioned)).chain(leaves).collect()
    }

    #[test]
    fn a_plain_table_gets_concurrently() {
        let text = hint(&relation(false, vec![1]), &index(vec![], Some("USING btree (a)")), &[1]);
        assert!(text.ends_with("\nCREATE UNIQUE INDEX CONCURRENTLY i ON s.t USING btree (a);"), "{text}");
    }

    #[test]
    fn partitions_are_built_and_attached() {
        let leaves = vec![2, 3];
        let text = hint(&relation(true, leaves.clone()), &index(tree(&leaves), Some("(a)")), &leaves);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "CREATE UNIQUE INDEX CONCURRENTLY t2_idx ON s.t2 (a);",
                "CREATE UNIQUE INDEX CONCURRENTLY t3_idx ON s.t3 (a);",
                "CREATE UNIQUE INDEX i ON ONLY s.t1 (a);",
                "ALTER INDEX s.i ATTACH PARTITION s.t3_idx;",
                "ALTER INDEX s.i ATTACH PARTITION s.t2_idx;",
            ]
        );
        // One is there already: the plain statement attaches it.
        let text = hint(&relation(true, leaves.clone()), &index(tree(&leaves), Some("(a)")), &[3]);
        assert!(text.ends_with("t3_idx ON s.t3 (a);\nCREATE UNIQUE INDEX i ON s.t (a);"), "{text}");
    }

    #[test]
    fn many_partitions_are_generated() {
        let many: Vec<u32> = (2..40).collect();
        let text = hint(&relation(true, many.clone()), &index(tree(&many), Some("(a)")), &many);
        assert!(text.contains("\\gexec") && text.lines().count() == 3, "{text}");
    }

    #[test]
    fn a_locked_partitioned_table_is_not_told_what_postgres_refuses() {
        let text = hint(&relation(true, vec![2]), &index(tree(&[2]), None), &[2]);
        assert!(!text.contains("CONCURRENTLY behind INDEX"), "{text}");
    }
}
