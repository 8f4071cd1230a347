//! `migrator`: the database migration engine that lives inside PostgreSQL.
//!
//! The tree is the architecture; imports point one way:
//! `api -> {migration, guard, backfill} -> catalog -> pg -> {ddl, error, settings}`.

mod api;
mod backfill;
mod catalog;
mod ddl;
pub mod error;
mod guard;
mod migration;
#[allow(unsafe_code)]
mod pg;
mod settings;

pgrx::pg_module_magic!(name, version);

pgrx::extension_sql_file!("../sql/ledger.sql", name = "ledger", bootstrap);
pgrx::extension_sql_file!("../sql/integrity.sql", name = "integrity", requires = ["ledger"]);
pgrx::extension_sql_file!("../sql/guard_tables.sql", name = "guard_tables", requires = ["integrity"]);
pgrx::extension_sql_file!("../sql/backfill_tables.sql", name = "backfill_tables", requires = ["guard_tables"]);
pgrx::extension_sql_file!("../sql/replication.sql", name = "replication", requires = ["backfill_tables"]);
pgrx::extension_sql_file!("../sql/functions.sql", name = "functions", requires = ["replication"]);
pgrx::extension_sql_file!("../sql/guard.sql", name = "guard", requires = ["functions"]);
pgrx::extension_sql_file!("../sql/views.sql", name = "views", requires = ["guard"]);
pgrx::extension_sql_file!("../sql/backfill.sql", name = "backfill", requires = ["views"]);
pgrx::extension_sql_file!("../sql/verify.sql", name = "verify", requires = ["backfill"]);
pgrx::extension_sql_file!("../sql/guard_status.sql", name = "guard_status", requires = ["verify"]);
pgrx::extension_sql_file!("../sql/comments.sql", name = "comments", requires = ["guard_status"]);
pgrx::extension_sql_file!("../sql/grants.sql", name = "grants", requires = ["comments"], finalize);

/// Called by Postgres when the library is loaded: once per backend, or once in the postmaster, where there is no catalogue.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::keep_memory_for_errors();
    settings::define();
    pg::checked_setting::define(settings::ALLOW_SETTING, guard::policy::check_list);
    pg::transaction_end::listen(guard::transaction_ended);
    guard::install_hooks();
    pg::reserve_setting_prefix(c"migrator");
}
