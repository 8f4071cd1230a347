-- The ledger says what was done to this database. Logical replication (FOR ALL TABLES publishes the ledger too) would mix
-- the publisher's into it, or stop at the first row that both have; so its workers leave these tables alone.

CREATE FUNCTION migrator.not_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_not_replicated';
COMMENT ON FUNCTION migrator.not_replicated() IS
'Keeps what logical replication brings out of the ledger: each database
has its own';

-- A role may be a member of pg_write_all_data and nothing else: who may write to the ledger is who may empty it.
CREATE FUNCTION migrator.owner_only() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_owner_only';
COMMENT ON FUNCTION migrator.owner_only() IS
'Refuses what somebody else than the owner writes to the ledger, whatever
rights he has on it';

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
        EXECUTE pg_catalog.format('CREATE TRIGGER owner_only BEFORE INSERT OR UPDATE OR DELETE ON migrator.%I FOR EACH STATEMENT '
                                  'WHEN (NOT pg_catalog.has_table_privilege(%L::pg_catalog.regclass, ''TRUNCATE'')) '
                                  'EXECUTE FUNCTION migrator.owner_only()', ledger, 'migrator.' || ledger);
        EXECUTE pg_catalog.format('COMMENT ON TRIGGER owner_only ON migrator.%I IS '
                                  '''Leaves writing to the functions of migrator''', ledger);
    END LOOP;
END
$triggers$;
