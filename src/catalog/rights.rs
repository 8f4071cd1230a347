//! Rights on what is ours, given in one piece.

use super::ddl_log::Ours;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// What reading is: these views and functions. The views show the ledger with its owner's rights.
const READ_VIEWS: &[&str] =
    &["status", "history", "findings", "runner", "backfills", "backfill_errors", "rules", "policies", "ddl_log"];
const READ_FUNCTIONS: &[&str] = &["checksum", "lint", "plan", "verify", "drift", "guard_rules", "guard_status"];
/// What deploying is, besides reading. `migrator.register_dir` asks for `pg_read_server_files` as well.
const DEPLOY_FUNCTIONS: &[&str] = &[
    "register",
    "register_dir",
    "apply",
    "revert",
    "resolve",
    "baseline",
    "plan_backfill",
    "start_backfill",
    "pause_backfill",
    "resume_backfill",
    "cancel_backfill",
    "alter_backfill",
];
const DEPLOY_PROCEDURES: &[&str] = &["deploy", "revert_to", "backfill"];

/// What a role is to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    Read,
    /// Everything in `Read`, too.
    Deploy,
}

/// The name of a role, quoted; `None` when there is none of that oid.
pub fn role(oid: u32) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT quote_ident(rolname) FROM pg_roles WHERE oid = $1::oid";
        Ok(query(sql, &[Some(&oid.to_string())])?.first().and_then(|r| r.text(0)))
    })
}

/// Grants, as the owner; `role` is quoted.
pub fn grant(role: &str, rights: Rights) -> Result<()> {
    let deploys = rights == Rights::Deploy;
    let _ours = Ours::begin(if deploys { "migrator.grant_deploy" } else { "migrator.grant_read" });
    let functions = installed(&[READ_FUNCTIONS, if deploys { DEPLOY_FUNCTIONS } else { &[] }].concat())?;
    let mut statements = vec![
        format!("GRANT USAGE ON SCHEMA migrator TO {role}"),
        format!("GRANT SELECT ON {} TO {role}", qualified(READ_VIEWS)),
        format!("GRANT EXECUTE ON FUNCTION {functions} TO {role}"),
    ];
    if deploys {
        statements.push(format!("GRANT EXECUTE ON PROCEDURE {} TO {role}", qualified(DEPLOY_PROCEDURES)));
    }
    run(&statements)
}

/// Revokes all there can be; `role` is quoted.
pub fn revoke(role: &str) -> Result<()> {
    let _ours = Ours::begin("migrator.revoke_all");
    run(&[
        format!("REVOKE ALL ON ALL TABLES IN SCHEMA migrator FROM {role}"),
        format!("REVOKE ALL ON ALL SEQUENCES IN SCHEMA migrator FROM {role}"),
        format!("REVOKE ALL ON ALL ROUTINES IN SCHEMA migrator FROM {role}"),
        format!("REVOKE ALL ON SCHEMA migrator FROM {role}"),
    ])
}

/// Those that there are: the library may be newer than the extension's objects, until ALTER EXTENSION UPDATE.
fn installed(names: &[&str]) -> Result<String> {
    as_owner(|| {
        let sql = "SELECT string_agg(DISTINCT format('migrator.%I', proname), ', ') FROM pg_proc \
                   WHERE pronamespace = 'migrator'::regnamespace AND proname = ANY ($1::name[])";
        let rows = query(sql, &[Some(&format!("{{{}}}", names.join(",")))])?;
        Ok(rows.first().map(|r| r.required(0)).unwrap_or_default())
    })
}

fn qualified(names: &[&str]) -> String {
    names.iter().map(|name| format!("migrator.{name}")).collect::<Vec<_>>().join(", ")
}

fn run(statements: &[String]) -> Result<()> {
    as_owner(|| statements.iter().try_for_each(|sql| query(sql, &[]).map(drop)))
}
