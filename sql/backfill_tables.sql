-- The backfills' part of the ledger.
-- No foreign keys: pg_restore -j loads the tables of an extension in any order. Only our functions write, and no run is ever deleted.

CREATE TABLE migrator.backfill_run (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation regclass NOT NULL,
    target text NOT NULL,
    set_clause text NOT NULL,
    where_clause text,
    walk text NOT NULL CHECK (walk IN ('key', 'physical')),
    state text NOT NULL CHECK (state IN ('scheduled', 'running', 'done', 'failed', 'cancelled')),
    generation integer NOT NULL DEFAULT 0,
    pass integer NOT NULL DEFAULT 1,
    sweep integer NOT NULL DEFAULT 0,
    rows_estimate bigint NOT NULL DEFAULT 0,
    rows_swept bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    seconds_held double precision NOT NULL DEFAULT 0,
    waiting_for text,
    migration text,
    migration_checksum text,
    migration_statement integer,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    error text,
    report jsonb
);
COMMENT ON TABLE migrator.backfill_run IS 'One row per backfill. Read migrator.backfills instead.';
COMMENT ON COLUMN migrator.backfill_run.relation IS
'By oid, so that it follows the table when it is renamed; a
dump writes its name. 0 when it is done';
COMMENT ON COLUMN migrator.backfill_run.generation IS
'Counts the sessions that led it and their walks; a worker of
an earlier one leaves';
COMMENT ON COLUMN migrator.backfill_run.started_by IS 'The role that ran it last';
COMMENT ON COLUMN migrator.backfill_run.pass IS
'1 walks what was there at the start; a later one walks anew
because too much is left to be swept up';
COMMENT ON COLUMN migrator.backfill_run.sweep IS
'How often what still matched was looked for and changed row
by row';
COMMENT ON COLUMN migrator.backfill_run.seconds IS 'Time it ran, without the time it was held';
COMMENT ON COLUMN migrator.backfill_run.seconds_held IS 'Time it was paused or stepped back';
COMMENT ON COLUMN migrator.backfill_run.migration IS 'The migration whose statement it is, if any';
COMMENT ON COLUMN migrator.backfill_run.report IS 'The error with all its fields';
-- One unfinished run of the same work, also when two sessions begin at once.
CREATE UNIQUE INDEX backfill_run_open_idx ON migrator.backfill_run
    (relation, md5(set_clause), md5(coalesce(where_clause, ''))) WHERE state <> 'done';

-- What people decide about a run. Apart from the run, so that nobody waits for a batch to say something.
CREATE TABLE migrator.backfill_control (
    backfill integer PRIMARY KEY,
    wish text NOT NULL DEFAULT 'run' CHECK (wish IN ('run', 'pause', 'cancel')),
    settings jsonb NOT NULL,
    given jsonb NOT NULL,
    settings_by text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    changed_by text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE migrator.backfill_control IS
'What people want of a backfill: run, pause, cancel, and its
settings. Runs only read it.';
COMMENT ON COLUMN migrator.backfill_control.given IS
'The settings as the last call gave them; the same call again
leaves later changes as they are';
COMMENT ON COLUMN migrator.backfill_control.settings_by IS
'The role of that call: pause_if and stop_if are run with the
rights of nobody else';

-- The tables that are walked: the target, or each of its partitions or children.
CREATE TABLE migrator.backfill_unit (
    backfill integer NOT NULL,
    ordinal integer NOT NULL,
    relation regclass NOT NULL,
    name text NOT NULL,
    whole boolean NOT NULL,
    walk text NOT NULL CHECK (walk IN ('key', 'physical')),
    key_order text[] NOT NULL,
    stripes integer NOT NULL,
    frontier jsonb,
    high jsonb,
    exhausted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (backfill, ordinal)
);
COMMENT ON TABLE migrator.backfill_unit IS
'A table that a backfill walks, and up to where it is cut
into ranges';
COMMENT ON COLUMN migrator.backfill_unit.whole IS
'With all its partitions or children, which cannot be walked
one by one';
COMMENT ON COLUMN migrator.backfill_unit.key_order IS
'Each column of its key with its type and collation: what the
order of the walk depends on';
COMMENT ON COLUMN migrator.backfill_unit.frontier IS
'The end of the last range: a key as a JSON array of texts,
or a block number';
COMMENT ON COLUMN migrator.backfill_unit.high IS
'Where the walk ends: the highest key, or the number of
blocks, when it began';

-- The ranges, cut off one by one and each done by whoever holds its advisory lock.
CREATE TABLE migrator.backfill_range (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backfill integer NOT NULL,
    unit integer NOT NULL,
    low jsonb,
    high jsonb NOT NULL,
    stripes integer NOT NULL,
    stripe integer NOT NULL DEFAULT 0,
    cursor jsonb,
    done boolean NOT NULL DEFAULT false,
    rows_visited double precision NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_skipped bigint NOT NULL DEFAULT 0,
    batches integer NOT NULL DEFAULT 0,
    batch_ms double precision,
    longest_ms double precision NOT NULL DEFAULT 0,
    busy_ms double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
COMMENT ON TABLE migrator.backfill_range IS 'A part of a table that one process changes, batch by batch';
COMMENT ON COLUMN migrator.backfill_range.stripe IS
'The stripe of the rows that is being changed; see
docs/backfill.md';
COMMENT ON COLUMN migrator.backfill_range.cursor IS
'How far that stripe has come; committed together with the
rows of each batch';
COMMENT ON COLUMN migrator.backfill_range.rows_skipped IS 'Rows that were locked by others and left to the sweep';
COMMENT ON COLUMN migrator.backfill_range.batch_ms IS 'Duration of the last batch';
CREATE INDEX backfill_range_run_idx ON migrator.backfill_range (backfill);
CREATE INDEX backfill_range_open_idx ON migrator.backfill_range (backfill, id) WHERE NOT done;

CREATE TABLE migrator.backfill_error (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backfill integer NOT NULL,
    relation regclass NOT NULL,
    name text NOT NULL,
    key jsonb NOT NULL,
    "row" text NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    detail text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (backfill, relation, key)
);
COMMENT ON TABLE migrator.backfill_error IS
'Rows that a backfill could not change. Read
migrator.backfill_errors instead.';

SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_run', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_control', '');
-- How far it has come goes with the data that it is about.
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_unit', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error_id_seq', '');
