//! Registering and running migrations.

use crate::error::Result;
use crate::migration::{self, Registration};
use crate::pg::entry::{Call, Returned};
use crate::pg::{background_worker, sql_function, top_level, writable};

sql_function!(migrator_register, register);
sql_function!(migrator_register_dir, register_dir);
sql_function!(migrator_lint, lint);
sql_function!(migrator_apply, apply);
sql_function!(migrator_deploy, deploy);
sql_function!(migrator_resolve, resolve);
sql_function!(migrator_event_append_only, append_only);
sql_function!(migrator_grant_read, grant_read);
sql_function!(migrator_grant_deploy, grant_deploy);
sql_function!(migrator_revoke_all, revoke_all);
// Writes the failure of an `apply`, whose own transaction is lost.
background_worker!(migrator_write_event, migration::write_event);

fn register(call: &Call) -> Result<Returned> {
    writable::require("migrator.register")?;
    let (_, outcome) = migration::register(Registration {
        version: call.text(0),
        up: call.text(1),
        down: call.text(2),
        irreversible: call.text(3),
        description: call.text(4),
        allow: call.texts(5),
        reason: call.text(6),
    })?;
    Ok(call.returns(outcome.word()))
}

fn register_dir(call: &Call) -> Result<Returned> {
    writable::require("migrator.register_dir")?;
    let registered = migration::register_folder(call.text(0).as_deref())?;
    let rows: Vec<_> = registered
        .into_iter()
        .map(|(version, outcome, file)| vec![Some(version), Some(outcome.word().to_owned()), Some(file)])
        .collect();
    Ok(call.returns_rows(&rows))
}

fn lint(call: &Call) -> Result<Returned> {
    let found = migration::lint::lint(call.text(0).as_deref())?;
    let rows: Vec<_> = found
        .into_iter()
        .map(|f| {
            let n = f.noted;
            let words = [n.rule, n.class, n.action].map(|word| Some(word.to_owned()));
            let place = [Some(f.statement.to_string()), Some(f.line.to_string())];
            let texts = [Some(n.message), n.detail, n.hint, n.object, n.column, Some(f.summary)];
            place.into_iter().chain(words).chain(texts).collect()
        })
        .collect();
    Ok(call.returns_rows(&rows))
}

fn apply(call: &Call) -> Result<Returned> {
    writable::require("migrator.apply")?;
    let summary = migration::apply::apply(call.text(0).as_deref())?;
    Ok(call.returns(&summary))
}

fn deploy(call: &Call) -> Result<Returned> {
    let target = call.text(0);
    writable::require("migrator.deploy")?;
    top_level::require(call, "migrator.deploy", "CALL migrator.deploy();")?;
    migration::deploy::deploy(target.as_deref())?;
    Ok(call.nothing())
}

fn resolve(call: &Call) -> Result<Returned> {
    writable::require("migrator.resolve")?;
    let (version, decision, reason) = (call.text(0), call.text(1), call.text(2));
    let decided = migration::resolve(version.as_deref(), decision.as_deref(), reason.as_deref())?;
    Ok(call.returns(&decided))
}

fn append_only(call: &Call) -> Result<Returned> {
    migration::history_is_append_only()?;
    Ok(call.nothing())
}

fn grant_read(call: &Call) -> Result<Returned> {
    writable::require("migrator.grant_read")?;
    Ok(call.returns(&migration::rights::grant_read(call.oid(0))?))
}

fn grant_deploy(call: &Call) -> Result<Returned> {
    writable::require("migrator.grant_deploy")?;
    Ok(call.returns(&migration::rights::grant_deploy(call.oid(0))?))
}

fn revoke_all(call: &Call) -> Result<Returned> {
    writable::require("migrator.revoke_all")?;
    Ok(call.returns(&migration::rights::revoke_all(call.oid(0))?))
}
