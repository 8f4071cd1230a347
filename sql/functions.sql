-- The SQL surface. The C symbols are defined in src/api.

CREATE FUNCTION migrator.checksum(script text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    pg_catalog.replace(pg_catalog.replace(script,
        pg_catalog.chr(13) OPERATOR(pg_catalog.||) pg_catalog.chr(10), pg_catalog.chr(10)),
        pg_catalog.chr(13), pg_catalog.chr(10)),
    'UTF8')), 'hex');
COMMENT ON FUNCTION migrator.checksum(text) IS
'The checksum under which a script is registered: SHA-256 of its text in
UTF-8 with line endings as LF, in hex';

CREATE FUNCTION migrator.register(
    version text, up text, down text DEFAULT NULL, irreversible text DEFAULT NULL, description text DEFAULT NULL,
    allow text[] DEFAULT NULL, reason text DEFAULT NULL, requires text[] DEFAULT NULL,
    mixed boolean DEFAULT false, out_of_order boolean DEFAULT false, repeatable boolean DEFAULT false
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_register';
COMMENT ON FUNCTION migrator.register(text, text, text, text, text, text[], text, text[], boolean, boolean, boolean) IS
'Registers a migration: checks its scripts and stores them. Give exactly
one of down and irreversible (the reason).
allow: rules of the guard that its statements may break; reason says
why. requires: versions that must be applied first.
mixed: it may change schema and data. out_of_order: it may be older than
what is applied.
repeatable: applied after the versioned ones, again whenever its script
changes; needs neither down nor irreversible.
Returns registered, replaced or unchanged';

CREATE FUNCTION migrator.register_dir(path text, mixed boolean DEFAULT false, out_of_order boolean DEFAULT false)
RETURNS TABLE (version text, outcome text, file text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_register_dir';
COMMENT ON FUNCTION migrator.register_dir(text, boolean, boolean) IS
'Registers every VERSION.up.sql / VERSION.down.sql pair, every
VERSION.sql and every NAME.repeatable.sql of a folder on the server;
mixed and out_of_order as for register, for all of them';

CREATE FUNCTION migrator.lint(sql text)
RETURNS TABLE (statement integer, line integer, rule text, class text, action text, message text, detail text,
               hint text, object text, "column" text, summary text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_lint';
COMMENT ON FUNCTION migrator.lint(text) IS
'One row for each thing the guard would refuse or warn about in a script;
nothing of the script is run.
It tells of any table what pg_class and pg_relation_size tell everybody;
whose table it is does not matter, because another role may run the
script';

CREATE FUNCTION migrator.plan(target text DEFAULT NULL)
RETURNS TABLE (version text, statement integer, kind text, lock text, objects text, blocks text, rows bigint, size text,
               work text, verdict text, transactional boolean, line integer, waits_for text, rules text, message text,
               hint text, sql text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_plan';
COMMENT ON FUNCTION migrator.plan(text) IS
'One row for each statement that apply or deploy would run now, in order,
up to and including target (all when null):
kind       command tag
lock       the strongest lock it takes; new when it only makes relations,
           none when it locks none, null when only running it could tell
objects    the relations it locks, what it is about first; where they are
           not locked alike, each with its lock. A table stands for its
           partitions
blocks     what others cannot do meanwhile
rows, size of the tables it is about now, with their partitions
work       what it does with the rows: rewrite, scan, index build, copy,
           or none
verdict    refused, warning or allowed (with rules, message and hint, the
           safe way), or ok
transactional  runs in the one transaction of its migration; otherwise it
           is committed alone
waits_for  whose locks or snapshots it would wait for now, the longest
           transaction first
Nothing is run or written, and no lock is waited for: it works on a
standby and in a read-only transaction';

CREATE FUNCTION migrator.apply(target text DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_apply';
COMMENT ON FUNCTION migrator.apply(text) IS
'Applies what is pending, in order, up to and including target (all when
null), in the caller''s transaction. What cannot run in a transaction,
and what comes after it, runs in the background when the caller has
committed';

CREATE PROCEDURE migrator.deploy(target text DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_deploy';
COMMENT ON PROCEDURE migrator.deploy(text) IS
'Applies what is pending, in order, up to and including target (all when
null), each migration in a transaction of its own, and statements such
as CREATE INDEX CONCURRENTLY at top level';

CREATE FUNCTION migrator.revert(target text) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_revert';
COMMENT ON FUNCTION migrator.revert(text) IS
'Runs the down scripts of target and of every later version that is
applied, the last applied first, in the caller''s transaction; what
cannot run there runs in the background, as with apply. Needs
migrator.allow_revert';

CREATE PROCEDURE migrator.revert_to(target text, including boolean DEFAULT false)
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_revert_to';
COMMENT ON PROCEDURE migrator.revert_to(text, boolean) IS
'Runs the down scripts of every version after target that is applied, the
last applied first, each in a transaction of its own; with including,
that of target too. Needs migrator.allow_revert';

CREATE FUNCTION migrator.baseline(version text, description text DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_baseline';
COMMENT ON FUNCTION migrator.baseline(text, text) IS
'Adopts an existing database: every migration up to version counts as
applied and is not run. Recorded as such in status and history';

CREATE FUNCTION migrator.resolve(version text, "as" text, reason text) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_resolve';
COMMENT ON FUNCTION migrator.resolve(text, text, text) IS
'Decides about a migration that failed or is in doubt: applied or
pending. The reason is kept in the history';
