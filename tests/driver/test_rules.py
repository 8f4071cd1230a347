"""Every rule's examples do what its page says."""

import os

from harness import equal

FIXTURE = open(os.path.join(os.path.dirname(__file__), "rules.sql")).read()
ROWS = """
INSERT INTO plans SELECT g, 'plan ' || g FROM generate_series(1, 3) g;
INSERT INTO users SELECT g, 'u' || g || '@example.org', 20 + g % 50, 1 + g % 3, 'note', now() FROM generate_series(1, 5000) g;
INSERT INTO orders SELECT g, g, g FROM generate_series(1, 5000) g;
INSERT INTO events SELECT g, date '2025-01-01' + g % 365, 'k' FROM generate_series(1, 5000) g;
INSERT INTO events SELECT g, date '2026-01-01' + g % 365, 'k' FROM generate_series(1, 5000) g;
REFRESH MATERIALIZED VIEW user_counts;
VACUUM ANALYZE;
"""
SEPARATOR = "\x1f"
# About migrations only.
IN_SCRIPTS = ("update-unbatched",)


def judged(cluster, rule, example, action):
    """What psql says to the last statement of an example; those before it run unguarded."""
    cluster.sql("DROP DATABASE IF EXISTS example WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE example TEMPLATE examples;", db="postgres")
    *before, last = [s for s in example.rstrip(";").split("; ") if s.strip()]
    # The transaction of the example is the one of its last statement.
    session = ["SET migrator.large_table_rows = 1000;", "SET migrator.guard = off;"]
    session += [f"{s};" for s in before]
    action = "warning" if action == "off" else "default"
    # For what fires no event.
    cluster.sql("ALTER DATABASE example SET session_preload_libraries = 'migrator';", db="postgres")
    cluster.sql(f"SELECT migrator.set_rule('{rule}', '{action}', reason => 'its example');", db="example")
    session += ["SET migrator.guard = enforce;", "\\echo judged", "\\warn judged"]
    if last.startswith("LOCK"):
        last = f"BEGIN; {last}; COMMIT"
    if rule in IN_SCRIPTS:
        session.append(f"SELECT message || ' [' || rule || ']' FROM migrator.lint($script${last}$script$);")
        out, err = cluster.run("\n".join(session), db="example")
        return (out + err).split("judged", 1)[1]
    session.append(f"{last};")
    _, err = cluster.run("\n".join(session), db="example")
    return err.split("judged", 1)[1] if "judged" in err else err


def test_every_example_does_what_its_page_says(cluster):
    cluster.sql("DROP DATABASE IF EXISTS examples WITH (FORCE);", db="postgres")
    cluster.fresh("examples")
    cluster.sql("SET client_min_messages = error; SET migrator.guard = off;" + FIXTURE + ROWS, db="examples")
    # Only the rule in question may speak.
    cluster.sql("SELECT count(migrator.set_rule(rule, 'off', reason => 'an example of another')) FROM migrator.rules;",
                db="examples")
    rules = cluster.sql(f"SELECT concat_ws('{SEPARATOR}', rule, default_action, coalesce(bad, ''), coalesce(good, '')) FROM migrator.rules "
                        "ORDER BY rule;", db="examples").splitlines()
    wrong, seen = [], 0
    for rule, action, bad, good in (line.split(SEPARATOR) for line in rules):
        if bad:
            seen += 1
            text = judged(cluster, rule, bad, action)
            if f"[{rule}]" not in text:
                wrong.append(f"{rule} is silent about its bad example: {bad}\n{text}")
        if good:
            text = judged(cluster, rule, good, action)
            if f"[{rule}]" in text or "ERROR:  " in text and "MG001" not in text and "[" not in text:
                wrong.append(f"{rule} objects to its good example, or it fails: {good}\n{text}")
    assert seen > 20, f"only {seen} rules have a bad example"
    equal("\n".join(wrong), "", "examples")
