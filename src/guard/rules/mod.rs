//! The rules, one a file, listed once.

mod add_column_not_null;
mod attach_builds_index;
mod attach_partition;
mod attach_scans_default;
mod attach_validates_fk;
mod create_index_blocking;
mod create_partition_scans_default;
mod if_not_exists_noop;

use super::rule::Rule;

/// Every rule. The first that finds something names the refusal.
pub static RULES: &[&Rule] = &[
    &add_column_not_null::RULE,
    &attach_builds_index::RULE,
    &attach_partition::RULE,
    &attach_scans_default::RULE,
    &attach_validates_fk::RULE,
    &create_index_blocking::RULE,
    &create_partition_scans_default::RULE,
    &if_not_exists_noop::RULE,
];

/// The rule of an id.
pub fn named(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::RULES;

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
