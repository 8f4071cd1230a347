-- Who may what.

CREATE FUNCTION migrator.grant_read(role regrole) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_grant_read';
COMMENT ON FUNCTION migrator.grant_read(regrole) IS
'Lets a role read: status, history, findings, runner, backfills,
backfill_errors, rules, policies, ddl_log; plan, verify, guard_status,
drift, lint, checksum. It can change nothing';

CREATE FUNCTION migrator.grant_deploy(role regrole) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_grant_deploy';
COMMENT ON FUNCTION migrator.grant_deploy(regrole) IS
'Lets a role do what migrator.grant_read does, and call register,
register_dir, apply, deploy, revert, revert_to, resolve, baseline,
backfill, plan_backfill and what steers backfills. It gets no right on
the ledger, which is written for it, nor on the guard''s rules';

CREATE FUNCTION migrator.revoke_all(role regrole) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_revoke_all';
COMMENT ON FUNCTION migrator.revoke_all(regrole) IS
'Takes from a role all rights in schema migrator that were given to it by
name; what PUBLIC or another role has, it keeps through those';

-- Nothing that changes state is for everybody. USAGE lets a role without rights be told which right is missing.

GRANT USAGE ON SCHEMA migrator TO PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA migrator FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA migrator FROM PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.checksum(text), migrator.count_findings(jsonb) TO PUBLIC;
-- Reads the catalogue only, with the caller's rights, and changes nothing.
GRANT EXECUTE ON FUNCTION migrator.lint(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.guard_rules() TO PUBLIC;
-- Two views ask for it.
GRANT EXECUTE ON FUNCTION migrator.runner_is_there() TO PUBLIC;
-- In the conditions of a backfill, which run as its caller.
GRANT EXECUTE ON FUNCTION migrator.stripe(tid, integer) TO PUBLIC;
