-- The ledger: what is registered, and everything that ever happened to it.
-- Only functions of the extension write here, as its owner, whoever calls them.

DO $check$
BEGIN
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION 'migrator needs a database encoded in UTF8'
            USING ERRCODE = 'MG020',
                  DETAIL = pg_catalog.format('This database is encoded in %s.', pg_catalog.getdatabaseencoding()),
                  HINT = 'CREATE DATABASE name ENCODING ''UTF8'' TEMPLATE template0;';
    END IF;
    -- A schema that somebody prepared would let its owner replace our functions.
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace
               WHERE nspname OPERATOR(pg_catalog.=) 'migrator'
                 AND pg_catalog.pg_get_userbyid(nspowner) OPERATOR(pg_catalog.<>) current_user) THEN
        RAISE EXCEPTION 'schema "migrator" exists and belongs to another role'
            USING ERRCODE = '42501',
                  HINT = 'DROP SCHEMA migrator; or ALTER SCHEMA migrator OWNER TO CURRENT_USER; then CREATE EXTENSION again.';
    END IF;
END
$check$;

CREATE TABLE migrator.migration (
    version text COLLATE "C" PRIMARY KEY,
    sort_key text COLLATE "C" NOT NULL UNIQUE,
    description text,
    up text NOT NULL,
    down text,
    down_checksum text COLLATE "C",
    irreversible text,
    repeatable boolean NOT NULL DEFAULT false,
    requires text[] NOT NULL DEFAULT '{}',
    mixed boolean NOT NULL DEFAULT false,
    out_of_order boolean NOT NULL DEFAULT false,
    allow text[] NOT NULL DEFAULT '{}',
    allow_reason text,
    checksum text COLLATE "C" NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    statements integer NOT NULL,
    transactional boolean NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    registered_by text NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'running', 'applied', 'failed', 'reverted')),
    baseline boolean NOT NULL DEFAULT false,
    reverting boolean NOT NULL DEFAULT false,
    scheduled_attempt bigint,
    statements_done integer NOT NULL DEFAULT 0,
    running_pid integer,
    running_statement integer,
    running_text text,
    running_target oid,
    running_indexes oid[],
    applied_at timestamptz,
    applied_by text,
    duration interval,
    findings jsonb NOT NULL DEFAULT '[]',
    running_place jsonb,
    CHECK ((down IS NULL) <> (irreversible IS NULL)),
    CHECK ((down IS NULL) = (down_checksum IS NULL)),
    CHECK (allow = '{}' OR allow_reason IS NOT NULL)
);
COMMENT ON TABLE migrator.migration IS
'What is registered and how far it has come. Read
migrator.status instead.';
COMMENT ON COLUMN migrator.migration.sort_key IS 'The version in a form whose byte order is its natural order';
COMMENT ON COLUMN migrator.migration.down_checksum IS 'The same of the down script';
COMMENT ON COLUMN migrator.migration.repeatable IS
'Applied after the versioned ones, again whenever its
checksum changes';
COMMENT ON COLUMN migrator.migration.requires IS 'Migrations that must be applied before it';
COMMENT ON COLUMN migrator.migration.mixed IS 'It changes schema and data, and was allowed to';
COMMENT ON COLUMN migrator.migration.out_of_order IS 'It may be applied although a newer one is';
COMMENT ON COLUMN migrator.migration.baseline IS 'It counts as applied but was never run here';
COMMENT ON COLUMN migrator.migration.reverting IS 'State and marks are about its down script';
COMMENT ON COLUMN migrator.migration.scheduled_attempt IS
'The attempt that apply handed to a background worker;
visible to that worker only when the caller has committed';
COMMENT ON COLUMN migrator.migration.allow IS 'Rules of the guard that its statements may break';
COMMENT ON COLUMN migrator.migration.allow_reason IS 'Why';
COMMENT ON COLUMN migrator.migration.checksum IS
'SHA-256 of the up script in UTF-8 with line endings as LF,
in hex';
COMMENT ON COLUMN migrator.migration.transactional IS
'False when a statement refuses a transaction block or may
commit';
COMMENT ON COLUMN migrator.migration.statements_done IS
'Statements that are committed, of a migration that is not
transactional';
COMMENT ON COLUMN migrator.migration.running_pid IS 'The backend that runs it, or ran it last';
COMMENT ON COLUMN migrator.migration.running_text IS 'Its text; the script may be corrected meanwhile';
COMMENT ON COLUMN migrator.migration.running_target IS 'The table, index or partition it was about';
COMMENT ON COLUMN migrator.migration.running_place IS
'Of an index or a partition that running_statement is about:
its name, and the table that it belonged to';
COMMENT ON COLUMN migrator.migration.running_statement IS 'A top-level statement that was begun and not seen to end';
COMMENT ON COLUMN migrator.migration.running_indexes IS
'The indexes that existed before it began; after an
interruption they tell what it left behind';
COMMENT ON COLUMN migrator.migration.findings IS
'What the guard found when it was registered; read
migrator.findings';
CREATE INDEX migration_applied_idx ON migrator.migration (sort_key) WHERE NOT repeatable AND (state = 'applied' OR reverting);
CREATE INDEX migration_open_idx ON migrator.migration (sort_key) WHERE state <> 'applied';

CREATE SEQUENCE migrator.attempt_id;
COMMENT ON SEQUENCE migrator.attempt_id IS 'Numbers attempts to apply a migration';

CREATE TABLE migrator.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    attempt bigint NOT NULL,
    event text NOT NULL CHECK (event IN (
        'scheduled', 'started', 'applied', 'failed', 'reverted', 'resolved', 'baseline')),
    at timestamptz NOT NULL,
    version text COLLATE "C" NOT NULL,
    checksum text COLLATE "C" NOT NULL,
    runner text NOT NULL,
    session_role name NOT NULL,
    role text NOT NULL,
    client_addr inet,
    application_name text,
    backend_pid integer NOT NULL,
    xid xid8,
    duration interval,
    statement integer,
    line integer,
    statement_text text,
    sqlstate text,
    message text,
    detail text,
    hint text,
    context text,
    "position" integer,
    internal_query text,
    internal_position integer,
    schema_name text,
    table_name text,
    column_name text,
    datatype_name text,
    constraint_name text,
    reason text,
    previous bigint[] NOT NULL,
    hash text COLLATE "C" NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE migrator.event IS
'Append-only: the beginning and the end of every attempt.
Read migrator.history instead.';
COMMENT ON COLUMN migrator.event.xid IS
'The transaction that wrote it; NULL when that was not the
one it is about, which was rolled back';
COMMENT ON COLUMN migrator.event.previous IS
'The rows it follows: those that no other had followed yet,
as a rule one';
COMMENT ON COLUMN migrator.event.hash IS
'SHA-256 of the hashes of those and of all that is in this
row, in hex; see migrator.event_hash';
CREATE INDEX event_attempt_idx ON migrator.event (attempt);
CREATE INDEX event_failed_idx ON migrator.event (version, id DESC) WHERE event = 'failed';
CREATE INDEX event_version_idx ON migrator.event (version);


-- A dump carries the history.
SELECT pg_catalog.pg_extension_config_dump('migrator.migration', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.event', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.attempt_id', '');
