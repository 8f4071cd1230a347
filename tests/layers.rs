//! The tree is the architecture: imports point one way, and `unsafe` and SQL stay where they belong.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer, what it may name of the crate, and words that must not occur in it.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    // Of pg, the SQL surface uses only the doors: how Postgres enters, and what it hands over.
    (
        "api",
        &[
            "migration",
            "guard",
            "backfill",
            "error",
            "settings",
            "pg::entry",
            "pg::sql_function",
            "pg::background_worker",
            "pg::session_worker",
            "pg::top_level",
            "pg::writable",
            "pg::event_trigger",
            "pg::trigger",
        ],
        &["pg_sys", "spi"],
    ),
    ("migration", DOMAIN, NOT_IN_DOMAIN),
    ("guard", DOMAIN, NOT_IN_DOMAIN),
    ("backfill", DOMAIN, NOT_IN_DOMAIN),
    ("catalog", &["catalog", "pg", "ddl", "error", "settings"], &["pg_sys"]),
    ("pg", &["ddl", "error", "settings", "pg"], &[]),
    ("ddl", &["error"], &["pg_sys"]),
    ("error.rs", &[], &["pg_sys"]),
    ("settings.rs", &["error"], &["pg_sys"]),
];
const DOMAIN: &[&str] = &["migration", "guard", "backfill", "catalog", "pg", "ddl", "error", "settings"];
/// SQL runs through `catalog` only.
const NOT_IN_DOMAIN: &[&str] = &["pg_sys", "spi", "Spi"];

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty())
}

/// What of a source is code, without comments and tests.
fn code(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "mod tests {")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(i, line)| (i + 1, line))
        .collect()
}

/// `a::{b, c}` as `a::b` and `a::c`; SQL in a string literal is not an import.
fn expand(import: &str) -> Vec<String> {
    match import.split_once("::{") {
        Some((path, rest)) if path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':') => {
            rest.split('}').next().unwrap_or("").split(',').map(|item| format!("{path}::{}", item.trim())).collect()
        }
        _ => vec![import.to_owned()],
    }
}

/// Violations of one source.
fn violations(layer: &str, allowed: &[&str], forbidden: &[&str], name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in code(text) {
        for import in line.split("crate::").skip(1).flat_map(expand) {
            if !line.contains("$crate::") && !allowed.iter().any(|a| import.starts_with(a)) {
                found.push(format!("{name}:{number}: {layer} may not import crate::{import}"));
            }
        }
        for word in words(line) {
            if forbidden.contains(&word) {
                found.push(format!("{name}:{number}: {layer} may not mention {word}"));
            }
        }
        if layer != "pg"
            && ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "[unsafe"].iter().any(|u| line.contains(u))
        {
            found.push(format!("{name}:{number}: unsafe outside src/pg/"));
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut seen = 1; // lib.rs
    for (layer, allowed, forbidden) in LAYERS {
        for file in files(&source.join(layer)) {
            seen += 1;
            let text = fs::read_to_string(&file).unwrap();
            found.extend(violations(layer, allowed, forbidden, &file.display().to_string(), &text));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(seen, files(&source).len(), "a file of src/ belongs to no layer");
}

#[test]
fn violations_are_seen() {
    let bad = "use crate::api::x;\nlet x = unsafe { pg_sys::f() };\n// use crate::api::y;\n";
    let found = violations("guard", DOMAIN, NOT_IN_DOMAIN, "f", bad);
    assert_eq!(found.len(), 3, "{found:?}");
    let (layer, allowed, forbidden) = LAYERS[0];
    let braces = "use crate::pg::{sql_function, transaction};";
    assert_eq!(violations(layer, allowed, forbidden, "f", braces).len(), 1);
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pg");
    for file in files(&source) {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            if line.contains("unsafe {") && !line.trim_start().starts_with("//") {
                let near = &lines[i.saturating_sub(8)..=i];
                assert!(near.iter().any(|l| l.contains("SAFETY:")), "{}:{}: no SAFETY line", file.display(), i + 1);
            }
        }
    }
}

/// The version is written in Cargo.toml. Other files hold a placeholder, except for what tells about one version.
#[test]
fn the_version_is_written_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = env!("CARGO_PKG_VERSION");
    for (name, places) in [("META.json", 2), ("migrator.control", 1)] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        assert_eq!(
            text.matches("'@CARGO_VERSION@'").count() + text.matches("\"@CARGO_VERSION@\"").count(),
            places,
            "{name}"
        );
        assert!(!text.contains(version), "{name} names a version");
    }
    let changelog = fs::read_to_string(root.join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains(&format!("## {version}")), "CHANGELOG.md");
    let from_released: Vec<PathBuf> = files(&root.join("sql"))
        .into_iter()
        .filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().ends_with(&format!("--{version}.sql"))))
        .collect();
    assert!(!from_released.is_empty(), "sql/ has no upgrade script to {version}");
}
