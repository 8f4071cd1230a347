-- What the tests ask of a database. In a schema that cases never touch.
CREATE SCHEMA truth;
GRANT USAGE ON SCHEMA truth TO PUBLIC;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;

CREATE VIEW truth.ours AS
    SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|truth$|migrator$)';

-- Back to nothing but the empty schemas s and public.
CREATE PROCEDURE truth.reset() LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT pubname FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', name); END LOOP;
    FOR name IN SELECT evtname FROM pg_event_trigger t JOIN pg_proc f ON f.oid = evtfoid WHERE pronamespace IN (TABLE truth.ours)
        LOOP EXECUTE format('DROP EVENT TRIGGER %I CASCADE', name); END LOOP;
    FOR name IN SELECT nspname FROM pg_namespace WHERE oid IN (TABLE truth.ours)
        LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
    CREATE SCHEMA public;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    CREATE SCHEMA s;
END $$;

-- Relations that are not the server's: what they are stored in, whether they have rows, what this transaction has
-- scanned of them, which locks it holds. `scans` are counted before this function looks itself, `scans_after` behind it.
CREATE FUNCTION truth.state() RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog SET row_security = off AS $$
DECLARE
    relation record; row_security bool; filled bool; relations jsonb := '{}'; scans jsonb := '{}'; after jsonb := '{}';
BEGIN
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace IN (TABLE truth.ours) LOOP
        scans := scans || jsonb_build_object(relation.oid::text, jsonb_build_array(
            pg_stat_get_xact_numscans(relation.oid), pg_stat_get_xact_tuples_returned(relation.oid)));
    END LOOP;
    FOR relation IN SELECT c.oid, relname, nspname, relkind, relfilenode, reltablespace, relispopulated, indrelid,
        (SELECT relfilenode FROM pg_class WHERE oid = (SELECT indexrelid FROM pg_index WHERE indrelid = c.reltoastrelid)
            AND pg_relation_size(c.reltoastrelid) > 0) AS beside
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_index ON indexrelid = c.oid
        WHERE relnamespace IN (TABLE truth.ours) LOOP
        filled := false;
        IF relation.relkind = 'r' OR relation.relkind = 'm' AND relation.relispopulated THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %I.%I)', relation.nspname, relation.relname) INTO filled;
        END IF;
        relations := relations || jsonb_build_object(relation.oid::text, jsonb_build_object(
            'schema', relation.nspname, 'name', relation.relname, 'kind', relation.relkind, 'file', relation.relfilenode,
            'tablespace', relation.reltablespace, 'table', relation.indrelid, 'rows', filled, 'beside', relation.beside,
            'bytes', CASE WHEN relation.relkind IN ('r', 'm') THEN pg_relation_size(relation.oid) END));
    END LOOP;
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace IN (TABLE truth.ours) LOOP
        after := after || jsonb_build_object(relation.oid::text, jsonb_build_array(
            pg_stat_get_xact_numscans(relation.oid), pg_stat_get_xact_tuples_returned(relation.oid)));
    END LOOP;
    RETURN jsonb_build_object('relations', relations, 'scans', scans, 'scans_after', after,
        'locks', (SELECT coalesce(jsonb_object_agg(oid, modes), '{}') FROM (
            SELECT l.relation AS oid, jsonb_agg(DISTINCT mode) AS modes FROM pg_locks l
            WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted GROUP BY 1) held),
        'keys', (SELECT coalesce(jsonb_agg(jsonb_build_array(oid::text, conname, conrelid::text, confrelid::text, convalidated)), '[]')
            FROM pg_constraint WHERE contype = 'f'));
END $$;

-- The schema as text, one fact a line, in an order that does not depend on oids.
CREATE FUNCTION truth.facts() RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN RETURN QUERY WITH ours AS MATERIALIZED (SELECT c.*, c.oid::regclass::text AS name FROM pg_class c WHERE relnamespace IN (TABLE truth.ours)),
columns AS (
    SELECT c.name AS tab, c.relkind, a.*, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) AS place
    FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c'))
SELECT * FROM (
    SELECT format('relation %s kind %s persistence %s tablespace %s method %s options %s owner %s rls %s/%s of %s identity %s acl %s',
        name, relkind, relpersistence, reltablespace,
        (SELECT amname FROM pg_am WHERE pg_am.oid = relam), array_to_string(reloptions, ','), relowner::regrole,
        relrowsecurity, relforcerowsecurity, nullif(reloftype, 0)::regtype, relreplident, relacl)
        || format(' partition %s %s', pg_get_expr(relpartbound, oid), CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END)
        || CASE WHEN relkind = 'm' THEN ' populated ' || relispopulated ELSE '' END AS line
    FROM ours WHERE relkind NOT IN ('i', 'I', 't')
    UNION ALL SELECT format('parent of %s: %s (%s)', c.name, inhparent::regclass, inhseqno) || CASE WHEN inhdetachpending THEN ' pending' ELSE '' END
    FROM ours c JOIN pg_inherits ON inhrelid = c.oid
    UNION ALL SELECT format('column %s %s %s %s notnull %s default %s identity %s generated %s collation %s storage %s compression %s statistics %s local %s inherited %s acl %s options %s',
        tab, place, attname, format_type(atttypid, atttypmod), attnotnull,
        (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum),
        attidentity, attgenerated, nullif(attcollation, 0)::regcollation, attstorage, attcompression,
        coalesce(attstattarget, -1), attislocal, attinhcount, attacl,
        -- Some builds of 15 note there when the column was changed.
        (SELECT string_agg(option, ',') FROM unnest(attoptions) option WHERE option NOT LIKE 'pg_attver=%'))
    FROM columns
    -- Whether it is inherited means something for CHECK and NOT NULL only.
    UNION ALL SELECT format('constraint %s on %s%s: %s validated %s local %s inherited %s noinherit %s',
        conname, nullif(conrelid, 0)::regclass, nullif(contypid, 0)::regtype, pg_get_constraintdef(k.oid),
        convalidated, conislocal, coninhcount, CASE WHEN contype IN ('c', 'n') THEN connoinherit END)
    -- A key that references a partitioned table has inner ones for its partitions. Up to 17, VALIDATE forgets them.
    FROM pg_constraint k WHERE connamespace IN (TABLE truth.ours)
        AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.oid = k.conparentid AND o.conrelid = k.conrelid)
    UNION ALL SELECT format('index %s: %s valid %s ready %s clustered %s identity %s unique %s primary %s exclusion %s immediate %s tablespace %s',
        c.name, pg_get_indexdef(c.oid), indisvalid, indisready, indisclustered, indisreplident, indisunique, indisprimary,
        indisexclusion, indimmediate, c.reltablespace)
    FROM ours c JOIN pg_index ON indexrelid = c.oid
    UNION ALL SELECT format('sequence %s %s %s %s %s owned by %s', c.name, seqtypid::regtype, seqstart, seqmax, seqincrement,
        (SELECT format('%s.%s', refobjid::regclass, (SELECT attname FROM pg_attribute WHERE attrelid = refobjid AND attnum = refobjsubid))
         FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass LIMIT 1))
    FROM ours c JOIN pg_sequence ON seqrelid = c.oid
    UNION ALL SELECT format('trigger %s enabled %s', pg_get_triggerdef(t.oid), tgenabled)
    FROM pg_trigger t JOIN ours c ON c.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL SELECT format('rule %s enabled %s', pg_get_ruledef(r.oid), ev_enabled)
    FROM pg_rewrite r JOIN ours c ON c.oid = ev_class
    UNION ALL SELECT format('policy %s on %s for %s using %s check %s', polname, polrelid::regclass, polcmd,
        pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
    UNION ALL SELECT format('statistics %s', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext WHERE stxnamespace IN (TABLE truth.ours)
    UNION ALL SELECT format('type %s kind %s notnull %s default %s base %s collation %s', t.oid::regtype, typtype, typnotnull, typdefault,
        format_type(nullif(typbasetype, 0), typtypmod), nullif(typcollation, 0)::regcollation)
    FROM pg_type t WHERE typnamespace IN (TABLE truth.ours) AND typtype IN ('d', 'e', 'c') AND typrelid NOT IN (SELECT oid FROM pg_class WHERE relkind <> 'c')
    UNION ALL SELECT format('label %s %s', enumtypid::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder)) FROM pg_enum GROUP BY enumtypid
    UNION ALL SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace IN (TABLE truth.ours)
    UNION ALL SELECT format('comment %s %s: %s', coalesce(c.name, objoid::text), objsubid, description)
    FROM pg_description d LEFT JOIN ours c ON c.oid = objoid WHERE c.oid IS NOT NULL
) facts ORDER BY line COLLATE "C"; END $$;

-- For each table and column of it, a line with the number of rows, of values, and with `contents` a sum over the values.
CREATE FUNCTION truth.contents(contents bool) RETURNS SETOF text LANGUAGE plpgsql
    SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE col record; line text;
BEGIN
    FOR col IN SELECT c.oid::regclass AS tab, attname FROM pg_class c LEFT JOIN pg_attribute a
        ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        WHERE relnamespace IN (TABLE truth.ours) AND (relkind = 'r' OR relkind = 'm' AND relispopulated) ORDER BY c.oid::regclass::text, attnum LOOP
        EXECUTE format('SELECT format(''%%s rows, %%s values, sum %%s'', count(*), count(%2$I), CASE WHEN %3$L THEN sum(hashtext(%2$I::text))::text ELSE ''not compared'' END) FROM ONLY %1$s',
            col.tab, col.attname, contents) INTO line;
        RETURN NEXT format('contents of %s.%s: %s', col.tab, col.attname, line);
    END LOOP;
END $$;
