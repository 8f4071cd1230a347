"""Everything an installed extension is made of, as lines of text that can be compared between databases."""

from harness import equal

MEMBER = """SELECT d.objid FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE x.extname = 'migrator' AND d.deptype = 'e' AND d.classid = '{}'::regclass"""
RELATION = MEMBER.format("pg_class")
# Rights, without who gave them to whom in which order.
RIGHTS = "(SELECT string_agg(a::text, ' ' ORDER BY a::text COLLATE \"C\") FROM unnest({}) a)"

# What each query is about, and the query: whatever a fresh installation has must come out of it.
QUERIES = {
    "extension": "SELECT extversion, extnamespace::regnamespace, extrelocatable, pg_get_userbyid(extowner), "
                 "obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'migrator'",
    "configuration tables": "SELECT u.r::regclass, u.c FROM pg_extension, unnest(extconfig, extcondition) u (r, c) "
                            "WHERE extname = 'migrator'",
    "members": "SELECT pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype FROM pg_depend d JOIN pg_extension x "
               "ON x.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass WHERE x.extname = 'migrator'",
    "dependencies": "SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype, "
                    "pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) FROM pg_depend d "
                    f"WHERE d.objid IN ({RELATION}) OR d.objid IN ({MEMBER.format('pg_proc')}) OR d.objid IN ({MEMBER.format('pg_event_trigger')}) "
                    f"OR (d.classid = 'pg_rewrite'::regclass AND d.objid IN (SELECT oid FROM pg_rewrite WHERE ev_class IN ({RELATION})))",
    "schema": f"SELECT nspname, pg_get_userbyid(nspowner), {RIGHTS.format('nspacl')}, obj_description(oid, 'pg_namespace') "
              "FROM pg_namespace WHERE nspname = 'migrator'",
    "functions": f"SELECT oid::regprocedure, pg_get_userbyid(proowner), {RIGHTS.format('proacl')}, obj_description(oid, 'pg_proc'), "
                 "probin, prosrc, provolatile, proparallel, prosecdef, proleakproof, proisstrict, procost, prorows, proconfig, "
                 f"pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'migrator'::regnamespace OR oid IN ({MEMBER.format('pg_proc')})",
    "relations": f"SELECT oid::regclass, relkind, relpersistence, reloptions, pg_get_userbyid(relowner), {RIGHTS.format('relacl')}, relreplident, "
                 "relrowsecurity, relforcerowsecurity, relhasrules, obj_description(oid, 'pg_class') FROM pg_class "
                 f"WHERE relnamespace = 'migrator'::regnamespace OR oid IN ({RELATION})",
    "columns": "SELECT a.attrelid::regclass, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname, "
               "format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attcollation::regcollation, "
               f"a.attstorage, a.attcompression, a.attstattarget, {RIGHTS.format('a.attacl')}, "
               "pg_get_expr(f.adbin, f.adrelid), col_description(a.attrelid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
               "LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum "
               "WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped",
    "constraints": "SELECT conrelid::regclass, conname, contype, convalidated, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') "
                   "FROM pg_constraint WHERE connamespace = 'migrator'::regnamespace",
    "indexes": "SELECT indrelid::regclass, pg_get_indexdef(indexrelid), indisvalid, indisprimary, indisreplident, obj_description(indexrelid, 'pg_class') "
               "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'migrator'::regnamespace",
    "views": "SELECT oid::regclass, pg_get_viewdef(oid) FROM pg_class WHERE relnamespace = 'migrator'::regnamespace AND relkind = 'v'",
    "rules": "SELECT ev_class::regclass, rulename, pg_get_ruledef(r.oid), ev_enabled FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class "
             "WHERE c.relnamespace = 'migrator'::regnamespace",
    "triggers": "SELECT tgrelid::regclass, pg_get_triggerdef(t.oid), tgenabled, obj_description(t.oid, 'pg_trigger') FROM pg_trigger t "
                "JOIN pg_class c ON c.oid = tgrelid WHERE c.relnamespace = 'migrator'::regnamespace AND NOT tgisinternal",
    "event triggers": "SELECT evtname, evtevent, evtfoid::regprocedure, evtenabled, evttags, pg_get_userbyid(evtowner), "
                      "obj_description(oid, 'pg_event_trigger') FROM pg_event_trigger",
    "sequences": "SELECT seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle, "
                 "pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid "
                 "LEFT JOIN pg_depend d ON d.objid = seqrelid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "
                 "WHERE c.relnamespace = 'migrator'::regnamespace",
    "rights at the start": f"SELECT pg_describe_object(classoid, objoid, objsubid), privtype, {RIGHTS.format('initprivs')} FROM pg_init_privs "
                           f"WHERE objoid IN ({RELATION}) OR objoid IN ({MEMBER.format('pg_proc')})",
    "other objects": "SELECT 'type', t.oid::regtype::text FROM pg_type t WHERE typnamespace = 'migrator'::regnamespace AND typrelid = 0 AND typcategory <> 'A' "
                     "UNION ALL SELECT 'operator', oid::regoperator::text FROM pg_operator WHERE oprnamespace = 'migrator'::regnamespace "
                     "UNION ALL SELECT 'policy', polname FROM pg_policy WHERE polrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'migrator'::regnamespace) "
                     "UNION ALL SELECT 'statistics', stxname FROM pg_statistic_ext WHERE stxnamespace = 'migrator'::regnamespace",
}


def objects(cluster, db):
    """A set of lines for each kind of thing."""
    found = {}
    for kind, query in QUERIES.items():
        # One row of JSON a line: definitions have line breaks.
        text = cluster.sql(f"SET search_path = pg_catalog; SELECT to_json(q) FROM ({query}) q;", db=db)
        found[kind] = set(text.splitlines())
    return found


def differences(actual, expected):
    """One line for each thing that only one of them has."""
    lines = []
    for kind in QUERIES:
        lines += [f"{kind}, only upgraded: {line}" for line in sorted(actual[kind] - expected[kind])]
        lines += [f"{kind}, only fresh: {line}" for line in sorted(expected[kind] - actual[kind])]
    return lines


def same_objects(cluster, upgraded, fresh):
    """Fails with what differs."""
    found = differences(objects(cluster, upgraded), objects(cluster, fresh))
    equal(len(found), 0, "\n".join(found))
