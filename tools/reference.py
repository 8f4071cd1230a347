#!/usr/bin/env python3
"""Writes docs/functions.md, docs/views.md and docs/settings.md from the extension itself: tools/reference.py PG_CONFIG

A test fails when they are stale.
"""

import json
import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402

MADE = "Made from the extension itself by `make docs`"
# What is under which heading; a name that ends in * stands for all that begin so.
SUBJECTS = {
    "Migrations": ["register", "register_dir", "apply", "deploy", "revert", "revert_to", "resolve", "baseline", "checksum"],
    "Looking": ["plan", "lint", "verify", "drift"],
    "The guard": ["set_rule", "prune_ddl_log", "guard_status"],
    "Backfills": ["backfill", "start_backfill", "plan_backfill", "pause_backfill", "resume_backfill", "alter_backfill",
                  "cancel_backfill"],
    "Rights": ["grant_read", "grant_deploy", "revoke_all"],
    "What these are made of": ["*"],
}
SETTING_THEM = """
## Setting them

For a transaction, a session, a role, a database:

<!-- setup: CREATE ROLE release_manager; -->
```sql
BEGIN;
SET LOCAL migrator.allow = 'drop-table';
COMMIT;
SET migrator.lock_timeout = '500ms';
ALTER ROLE release_manager SET migrator.lock_retries = 200;
GRANT SET ON PARAMETER migrator.allow, migrator.allow_revert TO release_manager;
```

For the server, in `postgresql.conf`, or in a session that has loaded the library, because Postgres refuses settings it does
not know yet:

<!-- not run: it would be set for the other pages, too -->
```sql
LOAD 'migrator';
ALTER SYSTEM SET migrator.large_table_size = '1GB';
SELECT pg_reload_conf();
```
"""
FUNCTIONS = """
SELECT p.proname AS name, p.prokind AS kind, pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS comment,
       CASE WHEN p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) THEN 'called by triggers'
            WHEN has_function_privilege('docs_nobody', p.oid, 'EXECUTE') THEN 'everybody'
            WHEN has_function_privilege('docs_reader', p.oid, 'EXECUTE') THEN 'grant_read'
            WHEN has_function_privilege('docs_deployer', p.oid, 'EXECUTE') THEN 'grant_deploy'
            ELSE 'the extension''s owner' END AS who
FROM pg_proc p WHERE p.pronamespace = 'migrator'::regnamespace ORDER BY p.proname COLLATE "C"
"""
RELATIONS = """
SELECT c.relname AS name, c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
       has_table_privilege('docs_reader', c.oid, 'SELECT') AS readable,
       (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                          'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY array_position('{status,history,findings,rules,policies,ddl_log,backfills,backfill_errors}', c.relname::text), c.relname COLLATE "C"
"""
SETTINGS = """
SELECT s.name, s.vartype AS type, s.enumvals AS "values", current_setting(s.name) AS "default", s.context, s.short_desc AS short,
       s.extra_desc AS long
FROM pg_settings s WHERE s.name LIKE 'migrator.%' ORDER BY s.name COLLATE "C"
"""


def rows(cluster, sql):
    # Whatever is a migrator's setting is known once the library is loaded.
    text = cluster.sql(f"LOAD 'migrator'; SELECT coalesce(json_agg(q), '[]') FROM ({sql.rstrip().rstrip(';')}) q;")
    return json.loads(text)


def flat(text):
    return " ".join((text or "").split()).replace("|", "\\|")


def signature(f):
    """As one would look it up: wrapped where it is long."""
    arguments = re.sub(r"NULL::[a-z ]+(\[\])?", "NULL", f["arguments"]).replace("::text", "")
    arguments = re.sub(r"(^|, )IN ", r"\1", arguments)
    text = listed(f"migrator.{f['name']}", arguments)
    if f["kind"] == "p":
        return "PROCEDURE " + text
    result = f["result"]
    return f"{text} → {listed('TABLE ', result[6:-1]) if result.startswith('TABLE(') else result}"


def listed(name, items):
    """A list in parentheses, on lines of its own where it is long."""
    if len(name) + len(items) < 98:
        return f"{name}({items})"
    lines = textwrap.wrap(", ".join(item.replace(" ", "\0") for item in items.split(", ")), 100, break_long_words=False)
    return "\n".join([f"{name}(", *("    " + line.replace("\0", " ") for line in lines), ")"])


def functions(cluster):
    left = rows(cluster, FUNCTIONS)
    text = (f"# Functions and procedures\n\n{MADE}; in psql: `\\df+ migrator.*`. All accept named arguments: `down => 'DROP TABLE t'`."
            "\nWho may call them: [security.md](security.md).\n")
    for subject, names in SUBJECTS.items():
        here = [f for name in names for f in left if name in ("*", f["name"])]
        left = [f for f in left if f not in here]
        text += f"\n## {subject}\n"
        for f in here:
            comment = f["comment"] or ""
            comment = f"```\n{comment}\n```" if "   " in comment else flat(comment) + "."
            text += f"\n### {f['name']}\n\n```\n{signature(f)}\n```\n\n{comment}\n\nMay call it: {f['who']}.\n"
    return text


def views(cluster):
    relations = rows(cluster, RELATIONS)
    text = (f"# Views\n\n{MADE}; in psql: `\\d+ migrator.status`. Roles with `grant_read` or `grant_deploy` may read them.\n")
    for r in (r for r in relations if r["kind"] == "v"):
        text += f"\n## {r['name']}\n\n{flat(r['comment'])}.\n\n| column | type | |\n|---|---|---|\n"
        text += "".join(f"| `{c['name']}` | {c['type']} | {flat(c['comment'])} |\n" for c in r["columns"])
    text += ("\n## Tables\n\nWhat the views show. They are written by functions of the extension only, as its owner; nobody else has a "
             "right on them.\n\n| table | |\n|---|---|\n")
    text += "".join(f"| `{r['name']}` | {flat(r['comment'])} |\n" for r in relations if r["kind"] == "r")
    return text


def settings(cluster):
    who = {"superuser": "superusers, and whom `GRANT SET ON PARAMETER` lets", "user": "everybody",
           "sighup": "the configuration file", "postmaster": "the configuration file, at start"}
    text = f"# Settings\n\n{MADE}; in psql: `SELECT * FROM pg_settings WHERE name LIKE 'migrator.%'`.\n"
    for s in rows(cluster, SETTINGS):
        values = f" ({', '.join(s['values'])})" if s["values"] else ""
        default = f"`{s['default']}`" if s["default"] else "empty"
        text += (f"\n## {s['name']}\n\n{flat(s['short'])} {flat(s['long'])}\n\n| type | default | who may set it |\n|---|---|---|\n"
                 f"| {s['type']}{values} | {default} | {who.get(s['context'], s['context'])} |\n")
    return text + SETTING_THEM


def pages(cluster):
    """Each page by its path. The cluster has the extension in its database test."""
    cluster.sql("SET client_min_messages = error; DROP ROLE IF EXISTS docs_nobody, docs_reader, docs_deployer;"
                "CREATE ROLE docs_nobody; CREATE ROLE docs_reader; CREATE ROLE docs_deployer;"
                "SELECT migrator.grant_read('docs_reader'), migrator.grant_deploy('docs_deployer');")
    try:
        return {f"docs/{page.__name__}.md": page(cluster) for page in (functions, views, settings)}
    finally:
        cluster.sql("DROP OWNED BY docs_nobody, docs_reader, docs_deployer; DROP ROLE docs_nobody, docs_reader, docs_deployer;")


def main(pg_config):
    with Cluster(f"docs-{os.getpid()}", pg_config) as cluster:
        cluster.fresh()
        for path, text in pages(cluster).items():
            with open(f"{ROOT}/{path}", "w") as file:
                file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
