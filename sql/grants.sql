-- Nothing that changes state is for everybody. USAGE lets a role without rights be told which right is missing.

GRANT USAGE ON SCHEMA migrator TO PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA migrator FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA migrator FROM PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.checksum(text) TO PUBLIC;
-- Reads the catalogue only, with the caller's rights, and changes nothing.
GRANT EXECUTE ON FUNCTION migrator.lint(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.guard_rules() TO PUBLIC;
