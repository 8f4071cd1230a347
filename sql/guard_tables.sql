-- What the guard keeps: policies, and the log of DDL. Only functions of the extension write here, as its owner.

CREATE TABLE migrator.policy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text COLLATE "C" NOT NULL,
    action text NOT NULL CHECK (action IN ('error', 'warning', 'off', 'default')),
    relation regclass,
    schema_name name,
    role_name name,
    threshold_rows bigint CHECK (threshold_rows >= 0),
    threshold_bytes bigint CHECK (threshold_bytes >= 0),
    until timestamptz,
    reason text,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    set_by text NOT NULL,
    CHECK (relation IS NULL OR schema_name IS NULL),
    UNIQUE NULLS NOT DISTINCT (rule, relation, schema_name, role_name)
);
COMMENT ON TABLE migrator.policy IS
'What rules do other than by default, and where. Read
migrator.policies instead; written by migrator.set_rule.';
COMMENT ON COLUMN migrator.policy.relation IS
'By oid, so that the policy follows the table when it is
renamed; a dump writes its name. Goes when the table is
dropped';
COMMENT ON COLUMN migrator.policy.schema_name IS
'By name, as the role: a dump may be restored where they have
other oids';
COMMENT ON COLUMN migrator.policy.threshold_rows IS 'From how many rows a table counts as large, for this rule';
COMMENT ON COLUMN migrator.policy.threshold_bytes IS
'From what size on disk a table counts as large, for this
rule';

SELECT pg_catalog.pg_extension_config_dump('migrator.policy', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.policy_id_seq', '');

CREATE TABLE migrator.ddl (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tag text NOT NULL,
    statement text,
    objects text[] NOT NULL DEFAULT '{}',
    object_types text[] NOT NULL DEFAULT '{}',
    session_role name NOT NULL,
    role name NOT NULL,
    client_addr inet,
    application_name text,
    backend_pid integer NOT NULL,
    xid xid8,
    migration text COLLATE "C",
    migration_statement integer,
    outcome text NOT NULL,
    rules text[] NOT NULL DEFAULT '{}',
    allowed_by text,
    message text
)
-- VACUUM would lock everybody out for a moment to give pages back; a statement that is to be logged then does not wait.
WITH (vacuum_truncate = off, toast.vacuum_truncate = off);
COMMENT ON TABLE migrator.ddl IS
'Append-only: every DDL statement that ran or was refused.
Read migrator.ddl_log instead.';
CREATE INDEX ddl_migration_idx ON migrator.ddl (migration) WHERE migration IS NOT NULL;

CREATE FUNCTION migrator.ddl_append_only() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_ddl_append_only';
COMMENT ON FUNCTION migrator.ddl_append_only() IS 'Refuses to change the log of DDL; only its retention deletes from it';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migrator.ddl
    FOR EACH STATEMENT EXECUTE FUNCTION migrator.ddl_append_only();

SELECT pg_catalog.pg_extension_config_dump('migrator.ddl', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.ddl_id_seq', '');
