//! The rules, one a file, listed once.

mod add_check_validating;
mod add_column_constrained_domain;
mod add_column_generated_stored;
mod add_column_identity;
mod add_column_inline_check;
mod add_column_inline_foreign_key;
mod add_column_inline_unique;
mod add_column_not_null;
mod add_column_serial;
mod add_column_virtual_not_null;
mod add_column_volatile_default;
mod add_exclusion;
mod add_foreign_key_validating;
mod add_primary_key_builds_index;
mod add_primary_key_nullable_index;
mod add_unique_builds_index;
mod alter_constraint_enforced;
mod alter_constraint_inherit;
mod alter_type_index_rebuild;
mod alter_type_recheck;
mod alter_type_revalidates_foreign_key;
mod alter_type_rewrite;
mod concurrently_behind_old_snapshot;
mod create_index_blocking;
mod ddl_behind_long_transaction;
mod drop_cascade;
mod drop_index_blocking;
mod drop_materialized_view;
mod drop_schema;
mod drop_table;
mod function_body_uses;
mod invalid_index_name_taken;
mod lock_table;
mod multiple_strong_locks;
mod rename_column;
mod rename_enum_value;
mod rename_schema;
mod rename_table;
mod set_access_method;
mod set_expression_rewrite;
mod set_logged_unlogged;
mod set_not_null_scan;
mod set_schema;
mod set_tablespace;
mod share_update_exclusive_collision;
mod statement_under_own_lock;
mod truncate;
mod update_unbatched;
mod vacuum_full;
mod validate_under_strong_lock;
mod wraparound_autovacuum;

use super::rule::Rule;

/// Every rule. The first that finds something names the refusal.
pub static RULES: &[&Rule] = &[
    &add_column_not_null::RULE,
    &add_check_validating::RULE,
    &add_column_constrained_domain::RULE,
    &add_column_generated_stored::RULE,
    &add_column_identity::RULE,
    &add_column_inline_check::RULE,
    &add_column_inline_foreign_key::RULE,
    &add_column_inline_unique::RULE,
    &add_column_serial::RULE,
    &add_column_virtual_not_null::RULE,
    &add_column_volatile_default::RULE,
    &add_exclusion::RULE,
    &add_foreign_key_validating::RULE,
    &add_primary_key_builds_index::RULE,
    &add_primary_key_nullable_index::RULE,
    &add_unique_builds_index::RULE,
    &alter_constraint_enforced::RULE,
    &alter_constraint_inherit::RULE,
    &alter_type_index_rebuild::RULE,
    &alter_type_recheck::RULE,
    &alter_type_revalidates_foreign_key::RULE,
    &alter_type_rewrite::RULE,
    &create_index_blocking::RULE,
    &set_access_method::RULE,
    &set_expression_rewrite::RULE,
    &set_logged_unlogged::RULE,
    &set_not_null_scan::RULE,
    &set_tablespace::RULE,
    &validate_under_strong_lock::RULE,
    &vacuum_full::RULE,
    &update_unbatched::RULE,
    &truncate::RULE,
    &ddl_behind_long_transaction::RULE,
    &concurrently_behind_old_snapshot::RULE,
    &wraparound_autovacuum::RULE,
    &share_update_exclusive_collision::RULE,
    &invalid_index_name_taken::RULE,
    &statement_under_own_lock::RULE,
    &drop_cascade::RULE,
    &drop_index_blocking::RULE,
    &drop_materialized_view::RULE,
    &drop_schema::RULE,
    &drop_table::RULE,
    &rename_column::RULE,
    &rename_enum_value::RULE,
    &rename_schema::RULE,
    &rename_table::RULE,
    &set_schema::RULE,
    &function_body_uses::RULE,
    &lock_table::RULE,
    &multiple_strong_locks::RULE,
];

/// Rules about what other sessions are doing: when they are done, the same statement passes.
pub static PASSING: &[&Rule] = &[&ddl_behind_long_transaction::RULE, &concurrently_behind_old_snapshot::RULE];

/// Every rule, also the one that looks at what Postgres does and not at a statement.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().chain(std::iter::once(&super::backstop::RULE))
}

/// The rule of an id.
pub fn named(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// The rule whose id is nearest to what somebody typed, if it is near enough to have been meant.
pub fn nearest(typed: &str) -> Option<&'static str> {
    let distance = |id: &str| distance(&typed.to_lowercase().replace(['_', ' '], "-"), id);
    let nearest = all().map(|rule| (distance(rule.id), rule.id)).min()?;
    (nearest.0 <= typed.len().max(6) / 3).then_some(nearest.1)
}

/// How many characters must be inserted, deleted or replaced to get from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{RULES, distance, nearest};

    #[test]
    fn what_was_meant() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("CREATE_INDEX_BLOCKING"), Some("create-index-blocking"));
        assert_eq!(nearest("x"), None);
    }

    #[test]
    fn ids_are_unique_and_files_are_named_after_them() {
        let mut ids: Vec<_> = RULES.iter().map(|r| r.id).collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guard/rules");
        for id in &ids {
            assert!(folder.join(format!("{}.rs", id.replace('-', "_"))).exists(), "{id}");
        }
        let files = std::fs::read_dir(folder).unwrap().count() - 1;
        assert_eq!(files, ids.len(), "a file of src/guard/rules is not a rule");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
