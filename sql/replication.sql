-- The ledger says what was done to this database. Logical replication (FOR ALL TABLES publishes the ledger too) would mix
-- the publisher's into it, or stop at the first row that both have; so its workers leave these tables alone.

CREATE FUNCTION migrator.not_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_not_replicated';
COMMENT ON FUNCTION migrator.not_replicated() IS
'Keeps what logical replication brings out of the ledger: each database
has its own';

DO $triggers$
DECLARE
    ledger text;
BEGIN
    FOREACH ledger IN ARRAY ARRAY['migration', 'event', 'event_end', 'policy', 'ddl', 'backfill_run', 'backfill_control',
                                  'backfill_unit', 'backfill_range', 'backfill_error'] LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER not_replicated BEFORE INSERT OR UPDATE OR DELETE ON migrator.%I '
                                  'FOR EACH ROW EXECUTE FUNCTION migrator.not_replicated()', ledger);
        EXECUTE pg_catalog.format('ALTER TABLE migrator.%I ENABLE REPLICA TRIGGER not_replicated', ledger);
        EXECUTE pg_catalog.format('COMMENT ON TRIGGER not_replicated ON migrator.%I IS '
                                  '''Leaves out what logical replication brings''', ledger);
    END LOOP;
END
$triggers$;
