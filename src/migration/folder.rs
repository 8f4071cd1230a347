//! Registering a folder of files on the server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::register::{Outcome, Registration, register};
use crate::catalog;
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::pg;

/// Largest script, in bytes: a text value holds less than 1 GB, and a parse tree is many times its text.
const LARGEST: u64 = 128 * 1024 * 1024;

/// The files of one version.
#[derive(Default)]
struct Files {
    plain: Option<PathBuf>,
    up: Option<PathBuf>,
    down: Option<PathBuf>,
    repeatable: Option<PathBuf>,
}

/// What a caller of `migrator.register_dir` permits all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Permits {
    pub mixed: bool,
    pub out_of_order: bool,
}

/// Registers every `VERSION.up.sql` / `VERSION.down.sql` pair, every `VERSION.sql` and every `NAME.repeatable.sql` of a
/// folder, in order. Returns version, outcome and file of each.
pub fn register_folder(path: Option<&str>, permits: Permits) -> Result<Vec<(String, Outcome, String)>> {
    let Some(path) = path.filter(|p| !p.trim().is_empty()) else {
        return fail(
            folder("no folder was given", "The path is NULL or empty.")
                .hint("SELECT * FROM migrator.register_dir('/path/on/the/server');"),
        );
    };
    let role = pg::user::current_role();
    if !catalog::roles::may_read_server_files(&role)? {
        return fail(
            Report::new(SqlState(*b"42501"), "permission denied to read files of the server")
                .detail(format!("Role \"{role}\" is not a member of pg_read_server_files."))
                .hint("Let an administrator GRANT pg_read_server_files to it, or pass each script's text to migrator.register."),
        );
    }
    let mut versions: Vec<(String, Files)> = find(Path::new(path))?.into_iter().collect();
    if versions.is_empty() {
        let found = "It holds no file named VERSION.sql or VERSION.up.sql.";
        return fail(
            folder(&format!("no migrations in \"{path}\""), found)
                .hint("Name the files VERSION.up.sql and VERSION.down.sql, or VERSION.sql."),
        );
    }
    versions.sort_by_cached_key(|(version, files)| {
        super::version::Version::new(Some(version)).map(|v| v.rank(files.repeatable.is_some())).unwrap_or_default()
    });
    versions.into_iter().map(|(version, files)| register_files(version, files, permits)).collect()
}

/// Sorts the files of a folder by version.
fn find(path: &Path) -> Result<BTreeMap<String, Files>> {
    let unreadable = |e: std::io::Error| -> Error {
        Box::new(folder(&format!("cannot read folder \"{}\"", path.display()), &format!("{e}.")))
    };
    let mut versions: BTreeMap<String, Files> = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        pg::wait::check_interrupts()?;
        let file = entry.map_err(unreadable)?.path();
        let Some(name) = file.file_name().map(|n| n.to_string_lossy().into_owned()) else { continue };
        let Some(stem) = name.strip_suffix(".sql").filter(|_| !name.starts_with('.') && file.is_file()) else {
            continue;
        };
        let (version, slot): (&str, fn(&mut Files) -> &mut Option<PathBuf>) =
            if let Some(version) = stem.strip_suffix(".up") {
                (version, |f| &mut f.up)
            } else if let Some(version) = stem.strip_suffix(".down") {
                (version, |f| &mut f.down)
            } else if let Some(name) = stem.strip_suffix(".repeatable") {
                (name, |f| &mut f.repeatable)
            } else {
                (stem, |f| &mut f.plain)
            };
        *slot(versions.entry(version.to_owned()).or_default()) = Some(file);
    }
    Ok(versions)
}

fn register_files(version: String, files: Files, permits: Permits) -> Result<(String, Outcome, String)> {
    let repeatable = files.repeatable.is_some();
    let mut scripts = [files.plain, files.up, files.repeatable].into_iter().flatten();
    let Some(up) = scripts.next() else {
        return fail(
            folder(&format!("version \"{version}\" has a down script only"), "There is no VERSION.up.sql beside it.")
                .hint(format!("Add {version}.up.sql, or remove {version}.down.sql.")),
        );
    };
    if let Some(other) = scripts.next() {
        return fail(
            folder(
                &format!("two files for version \"{version}\""),
                &format!("\"{}\" and \"{}\" both give its script.", up.display(), other.display()),
            )
            .hint("Keep one of them."),
        );
    }
    let name = up.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let down = files.down.as_deref().map(read).transpose()?;
    let irreversible = (down.is_none() && !repeatable).then(|| format!("{name} came without a down script"));
    let registration = Registration {
        version: Some(version),
        up: Some(read(&up)?),
        down,
        irreversible,
        mixed: permits.mixed,
        out_of_order: permits.out_of_order,
        repeatable,
        ..Registration::default()
    };
    let (version, outcome) = register(registration)?;
    Ok((version.as_str().to_owned(), outcome, name))
}

/// A file's text.
fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let unreadable =
        |e: std::io::Error| -> Error { Box::new(folder(&format!("cannot read file \"{shown}\""), &format!("{e}."))) };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return fail(folder(
            &format!("file \"{shown}\" is too large"),
            &format!("It has {size} bytes; a script may have {LARGEST}."),
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let not_text = |at: usize, what: &str| {
        fail(
            folder(&format!("file \"{shown}\" is not text in UTF-8"), &format!("Byte {at} {what}."))
                .hint("Save the file as UTF-8 and register the folder again."),
        )
    };
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return not_text(at + 1, "is zero");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(e) => not_text(e.utf8_error().valid_up_to() + 1, "does not begin a valid character"),
    }
}

fn folder(message: &str, found: &str) -> Report {
    Report::new(code::FOLDER, message)
        .detail(found)
        .hint("Give an absolute path on the server that the server's operating-system user can read.")
}
