//! Registering and running migrations.

use crate::error::Result;
use crate::migration::queue::Wish;
use crate::migration::{self, Permits, Registration};
use crate::pg::entry::{Call, Returned};
use crate::pg::{background_worker, session_worker, sql_function, top_level, writable};

sql_function!(migrator_register, register);
sql_function!(migrator_register_dir, register_dir);
sql_function!(migrator_lint, lint);
sql_function!(migrator_plan, plan);
sql_function!(migrator_apply, apply);
sql_function!(migrator_deploy, deploy);
sql_function!(migrator_revert, revert);
sql_function!(migrator_revert_to, revert_to);
sql_function!(migrator_baseline, baseline);
sql_function!(migrator_resolve, resolve);
// Runs what an `apply` could not run in its transaction.
session_worker!(
    migrator_run_scheduled,
    c"migrator: migrations handed over by apply or revert",
    migration::run_scheduled
);
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
        requires: call.texts(7),
        mixed: call.boolean(8),
        out_of_order: call.boolean(9),
        repeatable: call.boolean(10),
    })?;
    Ok(call.returns(outcome.word()))
}

fn register_dir(call: &Call) -> Result<Returned> {
    writable::require("migrator.register_dir")?;
    let permits = Permits { mixed: call.boolean(1), out_of_order: call.boolean(2) };
    let registered = migration::register_folder(call.text(0).as_deref(), permits)?;
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
    writable::require("migrator.apply")?;
    Ok(call.returns(&migration::apply::apply(&Wish::Apply(call.text(0)))?))
}

fn deploy(call: &Call) -> Result<Returned> {
    let wish = Wish::Apply(call.text(0));
    writable::require("migrator.deploy")?;
    top_level::require(call, "migrator.deploy", "CALL migrator.deploy();")?;
    migration::deploy::deploy(&wish)?;
    Ok(call.nothing())
}

fn revert(call: &Call) -> Result<Returned> {
    writable::require("migrator.revert")?;
    let wish = Wish::Revert { target: call.text(0).unwrap_or_default(), including: true };
    Ok(call.returns(&migration::apply::apply(&wish)?))
}

fn revert_to(call: &Call) -> Result<Returned> {
    writable::require("migrator.revert_to")?;
    let wish = Wish::Revert { target: call.text(0).unwrap_or_default(), including: call.boolean(1) };
    top_level::require(call, "migrator.revert_to", "CALL migrator.revert_to('version');")?;
    migration::deploy::deploy(&wish)?;
    Ok(call.nothing())
}

fn baseline(call: &Call) -> Result<Returned> {
    writable::require("migrator.baseline")?;
    let marked = migration::baseline(call.text(0).as_deref(), call.text(1).as_deref())?;
    Ok(call.returns(&marked))
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
