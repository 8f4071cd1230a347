//! The SQL surface: read arguments, call the domain, return. Declared to SQL in `sql/functions.sql`.

mod backfill;
mod guard;
mod migrations;
