-- The guard. Refusing at the start of a command is refusing before it queues for any lock.

CREATE FUNCTION migrator.guard_ddl_command_start() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_ddl_command_start';
COMMENT ON FUNCTION migrator.guard_ddl_command_start() IS
'Refuses unsafe DDL with SQLSTATE MG001; see the setting migrator.guard';

CREATE EVENT TRIGGER migrator_guard ON ddl_command_start
    EXECUTE FUNCTION migrator.guard_ddl_command_start();
COMMENT ON EVENT TRIGGER migrator_guard IS 'Refuses unsafe DDL of every client; see the setting migrator.guard';
