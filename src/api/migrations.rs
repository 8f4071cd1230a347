//! Registering and running migrations.

use crate::error::Result;
use crate::migration::{self, Registration};
use crate::pg::entry::{Call, Returned};
use crate::pg::{background_worker, sql_function, top_level};

sql_function!(migrator_register, register);
sql_function!(migrator_register_dir, register_dir);
sql_function!(migrator_lint, lint);
sql_function!(migrator_plan, plan);
sql_function!(migrator_apply, apply);
sql_function!(migrator_deploy, deploy);
sql_function!(migrator_resolve, resolve);
// Writes the failure of an `apply`, whose own transaction is lost.
background_worker!(migrator_write_event, migration::write_event);

fn register(call: &Call) -> Result<Returned> {
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

fn plan(call: &Call) -> Result<Returned> {
    let steps = migration::plan::plan(call.text(0).as_deref())?;
    let rows: Vec<_> = steps
        .into_iter()
        .map(|s| {
            let place = [Some(s.version), Some(s.statement.to_string()), Some(s.kind)];
            let what = [s.lock, s.objects, s.blocks, s.rows.map(|rows| rows.to_string()), s.size, s.work];
            let how = [Some(s.verdict.to_owned()), Some(if s.transactional { "t" } else { "f" }.to_owned())];
            let texts = [Some(s.line.to_string()), s.waits_for, s.rules, s.message, s.hint, Some(s.sql)];
            place.into_iter().chain(what).chain(how).chain(texts).collect()
        })
        .collect();
    Ok(call.returns_rows(&rows))
}

fn apply(call: &Call) -> Result<Returned> {
    let summary = migration::apply::apply(call.text(0).as_deref())?;
    Ok(call.returns(&summary))
}

fn deploy(call: &Call) -> Result<Returned> {
    let target = call.text(0);
    top_level::require(call, "migrator.deploy", "CALL migrator.deploy();")?;
    migration::deploy::deploy(target.as_deref())?;
    Ok(call.nothing())
}

fn resolve(call: &Call) -> Result<Returned> {
    let (version, decision, reason) = (call.text(0), call.text(1), call.text(2));
    let decided = migration::resolve(version.as_deref(), decision.as_deref(), reason.as_deref())?;
    Ok(call.returns(&decided))
}
