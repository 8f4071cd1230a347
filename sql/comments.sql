-- What describes the smaller things: columns of tables, indexes, triggers, sequences. Views and functions have theirs beside them.

COMMENT ON SCHEMA migrator IS 'Migrations, a guard against unsafe DDL, and backfills; read the views';

COMMENT ON TRIGGER append_only ON migrator.event IS 'Refuses to change the history, also for superusers';
COMMENT ON TRIGGER append_only ON migrator.ddl IS 'Refuses to change the log of DDL, also for superusers';

COMMENT ON SEQUENCE migrator.event_id_seq IS 'Numbers the rows of the history';
COMMENT ON SEQUENCE migrator.ddl_id_seq IS 'Numbers the rows of the log of DDL';
COMMENT ON SEQUENCE migrator.policy_id_seq IS 'Numbers policies';
COMMENT ON SEQUENCE migrator.backfill_run_id_seq IS 'Numbers backfills';
COMMENT ON SEQUENCE migrator.backfill_range_id_seq IS 'Numbers the ranges of all backfills';
COMMENT ON SEQUENCE migrator.backfill_error_id_seq IS 'Numbers the rows that backfills could not change';

COMMENT ON INDEX migrator.migration_applied_idx IS 'Finds the newest that is applied';
COMMENT ON INDEX migrator.migration_open_idx IS 'Finds what is to be applied';
COMMENT ON INDEX migrator.event_attempt_idx IS 'Finds what belongs to an attempt';
COMMENT ON INDEX migrator.event_failed_idx IS 'Finds why a migration failed last';
COMMENT ON INDEX migrator.event_version_idx IS 'Finds the history of a migration';
COMMENT ON INDEX migrator.ddl_migration_idx IS 'Finds the DDL of a migration';
COMMENT ON INDEX migrator.backfill_run_open_idx IS 'One unfinished backfill of the same work';
COMMENT ON INDEX migrator.backfill_range_run_idx IS 'Finds the ranges of a backfill';
COMMENT ON INDEX migrator.backfill_range_open_idx IS 'Finds the ranges that are left';

COMMENT ON COLUMN migrator.migration.up IS 'The script';
COMMENT ON COLUMN migrator.migration.down IS 'The script that undoes it';
COMMENT ON COLUMN migrator.migration.statements IS 'How many the script has';
COMMENT ON COLUMN migrator.migration.state IS 'As it was written last; status knows whether its session still runs';

COMMENT ON COLUMN migrator.event.id IS 'In the order written';
COMMENT ON COLUMN migrator.event.event IS 'What happened: an attempt was scheduled or started, or how it ended';
COMMENT ON COLUMN migrator.event.at IS 'When';

COMMENT ON COLUMN migrator.policy.role_name IS 'The role it is for, by name';

COMMENT ON COLUMN migrator.backfill_run.rows_estimate IS 'Rows that the statistics expected when it began';
COMMENT ON COLUMN migrator.backfill_run.rows_swept IS 'Rows changed after the walk, one by one';
COMMENT ON COLUMN migrator.backfill_run.migration_checksum IS 'The checksum of that migration when it ran';
COMMENT ON COLUMN migrator.backfill_run.migration_statement IS 'Which statement of it, counted from 1';
COMMENT ON COLUMN migrator.backfill_run.updated_at IS 'When it was last heard of';

COMMENT ON COLUMN migrator.backfill_control.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_control.wish IS 'run, pause or cancel';
COMMENT ON COLUMN migrator.backfill_control.settings IS 'Size and time of batches, workers, error_ratio, limits';
COMMENT ON COLUMN migrator.backfill_control.version IS 'Counts the changes, so that a run sees that there was one';
COMMENT ON COLUMN migrator.backfill_control.changed_by IS 'The role that changed it last';
COMMENT ON COLUMN migrator.backfill_control.changed_at IS 'When';

COMMENT ON COLUMN migrator.backfill_unit.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_unit.ordinal IS 'Which of its tables';
COMMENT ON COLUMN migrator.backfill_unit.relation IS 'The table, by oid';
COMMENT ON COLUMN migrator.backfill_unit.name IS 'The table, as it was named';
COMMENT ON COLUMN migrator.backfill_unit.walk IS 'By key, or physical: through the pages in their order';
COMMENT ON COLUMN migrator.backfill_unit.stripes IS 'In how many visits a page is changed';
COMMENT ON COLUMN migrator.backfill_unit.exhausted IS 'No range is left to be cut off';

COMMENT ON COLUMN migrator.backfill_range.id IS 'Its number; whoever changes it holds an advisory lock on that';
COMMENT ON COLUMN migrator.backfill_range.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_range.unit IS 'Which of its tables';
COMMENT ON COLUMN migrator.backfill_range.low IS 'What it begins behind; NULL is the beginning of the table';
COMMENT ON COLUMN migrator.backfill_range.high IS 'What it ends with';
COMMENT ON COLUMN migrator.backfill_range.stripes IS 'In how many visits its pages are changed';
COMMENT ON COLUMN migrator.backfill_range.done IS 'Nothing of it is left';
COMMENT ON COLUMN migrator.backfill_range.rows_visited IS 'Rows it has come by';
COMMENT ON COLUMN migrator.backfill_range.rows_done IS 'Rows changed and committed';
COMMENT ON COLUMN migrator.backfill_range.batches IS 'Batches that were committed';
COMMENT ON COLUMN migrator.backfill_range.longest_ms IS 'Duration of the longest batch';
COMMENT ON COLUMN migrator.backfill_range.busy_ms IS 'Duration of all its batches';

COMMENT ON COLUMN migrator.backfill_error.id IS 'In the order found';
COMMENT ON COLUMN migrator.backfill_error.relation IS 'The table or partition, by oid';
COMMENT ON COLUMN migrator.backfill_error.name IS 'The table or partition';
COMMENT ON COLUMN migrator.backfill_error.key IS 'Its key, or its ctid, as JSON';

-- A column of a table means what the column of that name means in the view that shows it.
DO $comments$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT t.attrelid::pg_catalog.regclass AS "table", t.attname, pg_catalog.col_description(v.attrelid, v.attnum) AS meaning
        FROM (VALUES ('migrator.migration', 'migrator.status'), ('migrator.event', 'migrator.history'),
                     ('migrator.ddl', 'migrator.ddl_log'), ('migrator.policy', 'migrator.policies'),
                     ('migrator.backfill_run', 'migrator.backfills'),
                     ('migrator.backfill_error', 'migrator.backfill_errors')) s (shown, view)
        JOIN pg_catalog.pg_attribute t ON t.attrelid OPERATOR(pg_catalog.=) s.shown::pg_catalog.regclass
                                      AND t.attnum OPERATOR(pg_catalog.>) 0 AND NOT t.attisdropped
        JOIN pg_catalog.pg_attribute v ON v.attrelid OPERATOR(pg_catalog.=) s.view::pg_catalog.regclass
                                      AND v.attname OPERATOR(pg_catalog.=) t.attname
        WHERE pg_catalog.col_description(t.attrelid, t.attnum) IS NULL
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c."table", c.attname, c.meaning);
    END LOOP;
END
$comments$;
