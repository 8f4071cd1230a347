//! The rules, one a file, listed once.

mod add_check_validating;
mod add_column_constrained_domain;
mod add_column_generated_stored;
mod add_column_identity;
mod add_column_inline_check;
mod add_column_inline_foreign_key;
mod add_column_inline_unique;
mod add_column_json;
mod add_column_merged_not_null;
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
mod alter_domain_constraint;
mod alter_domain_not_null;
mod alter_sequence_blocks_nextval;
mod alter_type_blocked_by_dependents;
mod alter_type_drops_stats;
mod alter_type_index_rebuild;
mod alter_type_recheck;
mod alter_type_revalidates_foreign_key;
mod alter_type_rewrite;
mod attach_builds_index;
mod attach_partition;
mod attach_scans_default;
mod attach_validates_fk;
mod cached_plan_break;
mod change_default;
mod composite_drop_attribute;
mod concurrently_behind_old_snapshot;
mod create_domain_with_constraint;
mod create_enum;
mod create_index_blocking;
mod create_partition_scans_default;
mod ddl_behind_long_transaction;
mod ddl_not_replicated;
mod delete_without_where;
mod detach_checks_references;
mod detach_partition_blocking;
mod detach_pending;
mod disable_fk_triggers;
mod drop_cascade;
mod drop_column;
mod drop_column_takes_index;
mod drop_constraint;
mod drop_generated;
mod drop_index_blocking;
mod drop_index_in_use;
mod drop_materialized_view;
mod drop_not_null;
mod drop_schema;
mod drop_table;
mod drop_table_with_fks;
mod drop_then_add_same_column;
mod dropped_columns_limit;
mod duplicate_constraint;
mod duplicate_index;
mod enable_rls_without_policy;
mod enum_value_no_position;
mod fk_type_mismatch;
mod fk_without_index;
mod function_body_uses;
mod id_exhaustion;
mod if_not_exists_noop;
mod invalid_index_name_taken;
mod lock_table;
mod modify_many_rows;
mod multiple_fks_one_tx;
mod multiple_strong_locks;
mod parent_ddl_fans_out;
mod publication_without_identity;
mod refresh_view_blocking;
mod refused_on_partitioned;
mod reindex_blocking;
mod rename_column;
mod rename_enum_value;
mod rename_schema;
mod rename_table;
mod replace_function_used_in_index_or_check;
mod rowtype_used_elsewhere;
mod serial_sequence_stays_integer;
mod set_access_method;
mod set_expression_rewrite;
mod set_logged_unlogged;
mod set_not_null_scan;
mod set_schema;
mod set_tablespace;
mod set_unlogged;
mod share_update_exclusive_collision;
mod statement_under_own_lock;
mod trigger_locks;
mod truncate;
mod truncate_cascade;
mod typed_table_rewrite;
mod unnamed_constraint;
mod update_unbatched;
mod update_without_where;
mod vacuum_full;
mod validate_under_strong_lock;
mod wide_index;
mod wraparound_autovacuum;

use super::rule::Rule;

/// Every rule. The first that finds something names the refusal.
pub static RULES: &[&Rule] = &[
    &add_column_not_null::RULE,
    &add_check_validating::RULE,
    &refresh_view_blocking::RULE,
    &reindex_blocking::RULE,
    &typed_table_rewrite::RULE,
    &alter_domain_not_null::RULE,
    &alter_domain_constraint::RULE,
    &add_column_constrained_domain::RULE,
    &add_column_generated_stored::RULE,
    &add_column_identity::RULE,
    &add_column_inline_check::RULE,
    &add_column_inline_foreign_key::RULE,
    &add_column_inline_unique::RULE,
    &add_column_merged_not_null::RULE,
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
    &attach_partition::RULE,
    &attach_scans_default::RULE,
    &attach_builds_index::RULE,
    &attach_validates_fk::RULE,
    &create_partition_scans_default::RULE,
    &refused_on_partitioned::RULE,
    &if_not_exists_noop::RULE,
    &create_index_blocking::RULE,
    &set_access_method::RULE,
    &set_expression_rewrite::RULE,
    &set_logged_unlogged::RULE,
    &set_not_null_scan::RULE,
    &set_tablespace::RULE,
    &validate_under_strong_lock::RULE,
    &vacuum_full::RULE,
    &update_unbatched::RULE,
    &modify_many_rows::RULE,
    &update_without_where::RULE,
    &delete_without_where::RULE,
    &ddl_behind_long_transaction::RULE,
    &concurrently_behind_old_snapshot::RULE,
    &wraparound_autovacuum::RULE,
    &share_update_exclusive_collision::RULE,
    &invalid_index_name_taken::RULE,
    &statement_under_own_lock::RULE,
    &detach_checks_references::RULE,
    &detach_partition_blocking::RULE,
    &detach_pending::RULE,
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
    &drop_then_add_same_column::RULE,
    &drop_column_takes_index::RULE,
    &add_column_json::RULE,
    &alter_sequence_blocks_nextval::RULE,
    &alter_type_blocked_by_dependents::RULE,
    &alter_type_drops_stats::RULE,
    &cached_plan_break::RULE,
    &change_default::RULE,
    &composite_drop_attribute::RULE,
    &create_domain_with_constraint::RULE,
    &create_enum::RULE,
    &ddl_not_replicated::RULE,
    &disable_fk_triggers::RULE,
    &drop_column::RULE,
    &drop_constraint::RULE,
    &drop_generated::RULE,
    &drop_index_in_use::RULE,
    &drop_not_null::RULE,
    &drop_table_with_fks::RULE,
    &dropped_columns_limit::RULE,
    &duplicate_constraint::RULE,
    &duplicate_index::RULE,
    &enable_rls_without_policy::RULE,
    &enum_value_no_position::RULE,
    &fk_type_mismatch::RULE,
    &fk_without_index::RULE,
    &id_exhaustion::RULE,
    &multiple_fks_one_tx::RULE,
    &parent_ddl_fans_out::RULE,
    &publication_without_identity::RULE,
    &replace_function_used_in_index_or_check::RULE,
    &rowtype_used_elsewhere::RULE,
    &serial_sequence_stays_integer::RULE,
    &set_unlogged::RULE,
    &trigger_locks::RULE,
    &truncate::RULE,
    &truncate_cascade::RULE,
    &unnamed_constraint::RULE,
    &wide_index::RULE,
];

/// Rules about rows that clients change by hand: off until set, and asked of each such statement once one is.
pub use delete_without_where::RULE as DELETE_WITHOUT_WHERE;
pub use modify_many_rows::RULE as MODIFY_MANY_ROWS;
pub use update_without_where::RULE as UPDATE_WITHOUT_WHERE;

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
