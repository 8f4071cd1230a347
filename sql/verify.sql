-- What is wrong, one row per problem. The bodies are parsed when the extension is created: neither the search_path nor a
-- setting of the caller's changes what they mean.

CREATE FUNCTION migrator.verify_history()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH chain AS MATERIALIZED (
        SELECT e.id, e.event, e.version, e.previous, e.xid, e.hash,
               migrator.event_hash(e, ARRAY(SELECT p.hash FROM unnest(e.previous) WITH ORDINALITY u (id, place)
                                            JOIN migrator.event p ON p.id = u.id ORDER BY u.place)) AS actual
        FROM migrator.event e),
    followed AS MATERIALIZED (SELECT u.id, min(c.id) AS by FROM chain c, unnest(c.previous) u (id) GROUP BY u.id),
    missing AS MATERIALIZED (
        SELECT f.id, format('Row %s follows it.', f.by) AS found
        FROM followed f WHERE NOT EXISTS (SELECT FROM chain c WHERE c.id = f.id)
        UNION ALL
        SELECT n.event, 'It was the last row.'
        FROM migrator.event_end n WHERE NOT EXISTS (SELECT FROM chain c WHERE c.id = n.event)
                                    AND NOT EXISTS (SELECT FROM followed f WHERE f.id = n.event)),
    judged AS (
        SELECT c.*, f.id IS NOT NULL AS is_followed, n.event IS NOT NULL AS is_end, n.hash AS end_hash,
               EXISTS (SELECT FROM missing m WHERE m.id = ANY (c.previous)) AS is_cut_off
        FROM chain c
        LEFT JOIN followed f ON f.id = c.id
        LEFT JOIN migrator.event_end n ON n.event = c.id),
    found AS (
        SELECT j.id, 'history row deleted' AS problem, '' AS what, m.found AS detail
        FROM missing m CROSS JOIN LATERAL (SELECT m.id) j
        UNION ALL
        SELECT j.id, 'history row not in the chain', format(' (%s of %s)', j.event, j.version),
               'No row follows it, and it is not known as the last one.'
        FROM judged j
        WHERE NOT j.is_followed AND NOT j.is_end
          -- Unless the one that followed it is missing.
          AND NOT EXISTS (SELECT FROM missing m WHERE m.id > j.id
                          AND NOT EXISTS (SELECT FROM chain c WHERE c.id > j.id AND c.id < m.id))
        UNION ALL
        SELECT j.id, 'history row changed', format(' (%s of %s)', j.event, j.version),
               format('Its hash is %s..., its content gives %s...', left(coalesce(nullif(j.end_hash, j.hash), j.hash), 12),
                      left(j.actual, 12))
        FROM judged j
        WHERE (j.hash <> j.actual AND NOT j.is_cut_off OR j.end_hash <> j.hash) AND (j.is_followed OR j.is_end)
        UNION ALL
        -- A failure may come first twice: see the comment on migrator.event_end.
        SELECT j.id, 'history begins anew', format(' (%s of %s)', j.event, j.version),
               'It follows no row, but there are earlier ones.'
        FROM judged j
        WHERE j.previous = '{}' AND j.xid IS NOT NULL AND j.id > (SELECT min(c.id) FROM chain c))
    SELECT f.problem, format('migrator.event %s%s', f.id, f.what), f.detail,
           format(E'Compare with a backup:\nSELECT * FROM migrator.event WHERE id BETWEEN %s AND %s;', f.id - 1, f.id + 1)
    FROM found f ORDER BY f.id;
END;
COMMENT ON FUNCTION migrator.verify_history() IS 'The part of migrator.verify that recomputes the chain of the history';

CREATE FUNCTION migrator.verify_triggers()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'rows can be changed', format('trigger append_only on %s', o.relation::text),
           CASE WHEN t.oid IS NULL THEN 'dropped'
                WHEN t.tgenabled = 'D' THEN 'disabled'
                WHEN t.tgenabled = 'R' THEN 'enabled for replicas only' ELSE 'replaced' END,
           CASE WHEN t.oid IS NULL THEN '' ELSE format(E'DROP TRIGGER append_only ON %s;\n', o.relation::text) END
           || format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                     'FOR EACH STATEMENT EXECUTE FUNCTION %s();', o.relation::text, o.function)
    FROM (VALUES ('migrator.event'::regclass, 'migrator.event_append_only', 'migrator_event_append_only'),
                 ('migrator.ddl'::regclass, 'migrator.ddl_append_only', 'migrator_ddl_append_only')) o (relation, function, symbol)
    LEFT JOIN pg_trigger t ON t.tgrelid = o.relation AND t.tgname = 'append_only'
    LEFT JOIN pg_proc p ON p.oid = t.tgfoid
    LEFT JOIN pg_language l ON l.oid = p.prolang
    -- 58: before UPDATE, DELETE and TRUNCATE, for each statement.
    WHERE (t.tgenabled IN ('O', 'A') AND t.tgtype = 58 AND t.tgqual IS NULL AND t.tgattr = ''
           AND l.lanname = 'c' AND p.prosrc = o.symbol) IS NOT TRUE
    UNION ALL
    SELECT 'rows can be changed', format('trigger %I on %s', t.tgname, t.tgrelid::regclass::text),
           'It is not migrator''s, and may change what is written.',
           format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::regclass::text)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'migrator'::regnamespace AND NOT t.tgisinternal
      AND NOT (t.tgname = 'append_only' AND c.relname IN ('event', 'ddl'))
      AND NOT (t.tgname = 'not_replicated' AND t.tgfoid = 'migrator.not_replicated'::regproc)
      AND NOT (t.tgname = 'owner_only' AND t.tgfoid = 'migrator.owner_only'::regproc)
    UNION ALL
    SELECT 'replication can write to the ledger', format('trigger not_replicated on %s', c.oid::regclass::text),
           CASE WHEN t.oid IS NULL THEN 'dropped' ELSE 'not enabled for replicas' END,
           CASE WHEN t.oid IS NULL
                THEN format(E'CREATE TRIGGER not_replicated BEFORE INSERT OR UPDATE OR DELETE ON %s '
                            'FOR EACH ROW EXECUTE FUNCTION migrator.not_replicated();\n', c.oid::regclass::text) ELSE '' END
           || format('ALTER TABLE %s ENABLE REPLICA TRIGGER not_replicated;', c.oid::regclass::text)
    FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'not_replicated' AND t.tgfoid = 'migrator.not_replicated'::regproc
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'r' AND (t.tgenabled IN ('R', 'A')) IS NOT TRUE
    UNION ALL
    SELECT 'others can write to the ledger', format('trigger owner_only on %s', c.oid::regclass::text),
           CASE WHEN t.oid IS NULL THEN 'dropped' ELSE 'not enabled' END,
           CASE WHEN t.oid IS NULL
                THEN format('CREATE TRIGGER owner_only BEFORE INSERT OR UPDATE OR DELETE ON %1$s FOR EACH STATEMENT '
                            'WHEN (NOT has_table_privilege(''%1$s''::regclass, ''TRUNCATE'')) '
                            'EXECUTE FUNCTION migrator.owner_only();', c.oid::regclass::text)
                ELSE format('ALTER TABLE %s ENABLE TRIGGER owner_only;', c.oid::regclass::text) END
    FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'owner_only' AND t.tgfoid = 'migrator.owner_only'::regproc
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'r' AND (t.tgenabled IN ('O', 'A')) IS NOT TRUE
    UNION ALL
    SELECT 'rows can be changed', format('rule %I on %s', r.rulename, r.ev_class::regclass::text),
           'It is not migrator''s, and may change what is written.',
           format('DROP RULE %I ON %s;', r.rulename, r.ev_class::regclass::text)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.relnamespace = 'migrator'::regnamespace AND r.rulename <> '_RETURN';
END;
COMMENT ON FUNCTION migrator.verify_triggers() IS
'The part of migrator.verify that looks at triggers and rules of the
ledger';

CREATE FUNCTION migrator.verify_ledger()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH applied AS MATERIALIZED (
        SELECT DISTINCT ON (e.version) e.* FROM migrator.event e WHERE e.event IN ('applied', 'baseline') ORDER BY e.version, e.id DESC),
    -- What was decided last: applied, resolved, and whatever else ends an attempt well.
    decided AS MATERIALIZED (
        SELECT DISTINCT ON (e.version) e.* FROM migrator.event e WHERE e.event NOT IN ('scheduled', 'started', 'failed')
        ORDER BY e.version, e.id DESC),
    found AS (
        SELECT 'script differs from its checksum' AS problem, m.version, s.which AS what,
               format('The checksum of its %s script is %s..., the script gives %s...', s.which, left(s.checksum, 12),
                      left(s.actual, 12)) AS detail
        FROM migrator.migration m
        CROSS JOIN LATERAL (VALUES ('up', m.checksum, migrator.checksum(m.up)),
                                   ('down', m.down_checksum, migrator.checksum(m.down))) s (which, checksum, actual)
        WHERE s.checksum <> s.actual
        UNION ALL
        SELECT 'edited after it was applied', m.version, 'up',
               format('It was applied with checksum %s..., and has %s... now.', left(e.checksum, 12), left(m.checksum, 12))
        FROM migrator.migration m
        -- A person may have decided that what failed is applied: then that script counts.
        JOIN (SELECT DISTINCT ON (d.version) d.version, d.checksum FROM migrator.event d
              WHERE d.event IN ('applied', 'baseline', 'resolved') ORDER BY d.version, d.id DESC) e ON e.version = m.version
        WHERE m.state = 'applied' AND e.checksum <> m.checksum
        UNION ALL
        SELECT 'applied, but the history does not know it', m.version, 'history', 'Somebody changed migrator.migration by hand.'
        FROM migrator.migration m
        WHERE m.state = 'applied' AND NOT EXISTS (SELECT FROM decided e WHERE e.version = m.version AND e.event <> 'reverted')
        UNION ALL
        SELECT 'pending, but the history knows it as applied', m.version, 'history',
               format('Applied %s by %s.', e.at, e.role)
        FROM migrator.migration m JOIN decided e ON e.version = m.version
        -- A repeatable one is pending again when its script is another.
        WHERE m.state = 'pending' AND e.event = 'applied' AND (NOT m.repeatable OR e.checksum = m.checksum)
        UNION ALL
        SELECT 'applied by somebody else', m.version, 'history',
               format('Its row says %s, the history %s.', coalesce(m.applied_by, 'nobody'), e.role)
        FROM migrator.migration m JOIN decided e ON e.version = m.version
        WHERE m.state = 'applied' AND e.event = 'applied' AND m.applied_by IS DISTINCT FROM e.role
        UNION ALL
        SELECT 'applied according to the history, but not registered', e.version, 'history',
               format('Applied %s by %s.', e.at, e.role)
        FROM applied e WHERE NOT EXISTS (SELECT FROM migrator.migration m WHERE m.version = e.version))
    SELECT f.problem, f.version, f.detail,
           CASE WHEN f.what IN ('up', 'down')
                THEN format(E'Compare with a backup:\nSELECT %s FROM migrator.migration WHERE version = %L;', f.what, f.version)
                ELSE format(E'Compare with a backup:\nSELECT * FROM migrator.history WHERE version = %L;', f.version) END
    FROM found f
    UNION ALL
    SELECT 'failed or interrupted', s.version, s.error,
           format(CASE WHEN m.reverting THEN 'CALL migrator.revert_to(%L, including => true);' ELSE 'CALL migrator.deploy(%L);' END,
                  s.version)
    FROM migrator.status s JOIN migrator.migration m ON m.version = s.version WHERE s.state = 'failed';
END;
COMMENT ON FUNCTION migrator.verify_ledger() IS
'The part of migrator.verify that compares migrator.migration with the
history';

CREATE FUNCTION migrator.verify_database()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'invalid index', format('%I.%I', n.nspname, c.relname),
           format('on %I.%I', tn.nspname, t.relname)
           || CASE WHEN pg_is_in_recovery() THEN '; the primary may be building it now' ELSE '' END,
           format('DROP INDEX CONCURRENTLY %I.%I;', n.nspname, c.relname)
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE NOT i.indisvalid
      AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND NOT starts_with(n.nspname::text, 'pg_temp_')
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
    UNION ALL
    SELECT 'constraint not validated', format('%I on %s', k.conname, k.target),
           k.definition || CASE WHEN d.id IS NULL THEN ''
                                WHEN d.migration IS NULL THEN format('; left by %s, outside of migrations', d.session_role)
                                ELSE format('; left by migration %s, statement %s', d.migration, d.migration_statement) END,
           format('ALTER %s %s VALIDATE CONSTRAINT %I;', k.kind, k.target, k.conname)
    FROM (SELECT c.conname, CASE WHEN t.oid IS NULL THEN 'DOMAIN' ELSE 'TABLE' END AS kind,
                 format('%I.%I', n.nspname, coalesce(t.relname, y.typname)) AS target,
                 pg_get_constraintdef(c.oid) AS definition
          FROM pg_constraint c
          LEFT JOIN pg_class t ON t.oid = c.conrelid
          LEFT JOIN pg_type y ON y.oid = c.contypid
          JOIN pg_namespace n ON n.oid = coalesce(t.relnamespace, y.typnamespace)
          WHERE NOT c.convalidated AND c.conparentid = 0
            AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname::text, 'pg_')) k
    -- The statement that names it, or else the last one that made one without a name.
    LEFT JOIN LATERAL (SELECT d.* FROM migrator.ddl d
                       WHERE k.target = ANY (d.objects) AND d.outcome <> 'refused'
                         AND d.statement ~* 'not[[:space:]]+valid'
                       ORDER BY strpos(d.statement, k.conname) = 0, d.statement ~* 'constraint', d.id DESC LIMIT 1) d ON true
    WHERE k.definition NOT LIKE '%NOT ENFORCED'
    UNION ALL
    -- What was made and dropped again has left nothing.
    SELECT 'ad-hoc DDL since the last migration', d.object,
           format('%s by %s', string_agg(DISTINCT d.tag, ', '), string_agg(DISTINCT d.session_role, ', ')),
           'SELECT * FROM migrator.drift();'
    FROM migrator.drift() d
    WHERE d.since_last_migration
    GROUP BY d.object
    HAVING NOT ((array_agg(d.tag ORDER BY d.id))[1] LIKE 'CREATE%'
                AND (array_agg(d.tag ORDER BY d.id DESC))[1] LIKE 'DROP%');
END;
COMMENT ON FUNCTION migrator.verify_database() IS
'The part of migrator.verify about what migrations and others left behind
in the database';

CREATE FUNCTION migrator.verify_backfills()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- One that only lost its session waits to be called again; of a migration's the migration tells.
    SELECT 'backfill failed', format('backfill %s of %s', b.id, b.target), b.error,
           format(E'SELECT * FROM migrator.backfill_errors WHERE backfill = %1$s;\n'
                  'SELECT migrator.resume_backfill(%1$s);  -- or cancel_backfill', b.id)
    FROM migrator.backfill_run b
    WHERE b.state = 'failed' AND b.migration IS NULL AND to_regclass(b.target) IS NOT NULL
    ORDER BY b.id;
END;
COMMENT ON FUNCTION migrator.verify_backfills() IS 'The part of migrator.verify about backfills that gave up';

CREATE FUNCTION migrator.verify_guard()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'the guard is not enforcing', format('event trigger %I', n.name),
           CASE WHEN t.evtname IS NULL THEN 'dropped'
                WHEN t.evtenabled = 'R' THEN 'enabled for replicas only' ELSE 'disabled' END,
           CASE WHEN t.evtname IS NULL
                THEN format(E'CREATE EVENT TRIGGER %1$I ON %2$s EXECUTE FUNCTION migrator.%3$I();\n'
                            'ALTER EXTENSION migrator ADD EVENT TRIGGER %1$I;', n.name, n.event, n.function)
                ELSE format('ALTER EVENT TRIGGER %I ENABLE;', n.name) END
    FROM (VALUES ('migrator_guard', 'ddl_command_start', 'guard_ddl_command_start'),
                 ('migrator_guard_rewrite', 'table_rewrite', 'guard_table_rewrite'),
                 ('migrator_log_drop', 'sql_drop', 'guard_sql_drop'),
                 ('migrator_log', 'ddl_command_end', 'guard_ddl_command_end')) n (name, event, function)
    LEFT JOIN pg_event_trigger t ON t.evtname = n.name
    WHERE t.evtname IS NULL OR t.evtenabled NOT IN ('O', 'A')
    UNION ALL
    SELECT 'the guard is not enforcing',
           concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN format('role %I', pg_get_userbyid(s.setrole)) END,
                             CASE WHEN s.setdatabase <> 0 THEN format('database %I', current_database()) END),
           c.setting,
           format('ALTER %s RESET %s;',
                  CASE WHEN s.setrole = 0 THEN format('DATABASE %I', current_database())
                       ELSE format('ROLE %I', pg_get_userbyid(s.setrole))
                            || CASE WHEN s.setdatabase <> 0 THEN format(' IN DATABASE %I', current_database()) ELSE '' END
                  END, split_part(c.setting, '=', 1))
    FROM pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND c.setting ~* '^(migrator[.]guard=(warn|off)|migrator[.]allow=.|session_replication_role=replica|(event_triggers|row_security)=(of|f|n|0))'
    UNION ALL
    SELECT 'the guard is not enforcing', 'the server''s configuration', format('%s = %s', s.name, s.setting),
           format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf();', s.name)
    FROM pg_settings s
    WHERE s.source IN ('configuration file', 'command line', 'environment variable')
      AND ((s.name = 'migrator.guard' AND s.setting IN ('warn', 'off')) OR (s.name = 'migrator.allow' AND s.setting <> '')
           OR (s.name = 'session_replication_role' AND s.setting = 'replica')
           OR (s.name = 'event_triggers' AND s.setting = 'off'));
END;
COMMENT ON FUNCTION migrator.verify_guard() IS
'The part of migrator.verify that tells whether the guard is on
everywhere';

CREATE FUNCTION migrator.verify()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER
-- Compiling takes longer than running.
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET jit = off
BEGIN ATOMIC
    SELECT * FROM migrator.verify_history()
    UNION ALL SELECT * FROM migrator.verify_triggers()
    UNION ALL SELECT * FROM migrator.verify_ledger()
    UNION ALL SELECT * FROM migrator.verify_database()
    UNION ALL SELECT * FROM migrator.verify_backfills()
    UNION ALL SELECT * FROM migrator.verify_guard();
END;
COMMENT ON FUNCTION migrator.verify() IS
'One row per problem with the ledger or left behind in the database; none
when all is well';
