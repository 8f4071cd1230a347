SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- The guard's modes, and what is never in its way.
SET migrator.large_table_rows = 10;
CREATE TABLE gm (a int); INSERT INTO gm SELECT generate_series(1, 1000); ANALYZE gm;
CREATE INDEX gm_a ON gm (a);
SET migrator.guard = 'warn';
CREATE INDEX gm_a ON gm (a);
SET migrator.guard = 'off';
CREATE INDEX gm_b ON gm (a);
SET migrator.guard = 'enforce';
CREATE INDEX gm_c ON gm (a);
SET migrator.guard = 'perhaps';
-- A session that restores a dump.
BEGIN;
SET LOCAL row_security = off;
SET LOCAL check_function_bodies = off;
SELECT set_config('search_path', '', true);
CREATE INDEX gm_c ON public.gm (a);
COMMIT;
-- Two of the three are not a restore.
BEGIN;
SET LOCAL row_security = off;
SET LOCAL check_function_bodies = off;
CREATE INDEX gm_d ON public.gm (a);
ROLLBACK;
-- A migration is guarded as well.
SELECT migrator.register('1', 'CREATE INDEX gm_e ON gm (a)', irreversible => 'x');
SELECT migrator.apply();
-- Ordinary roles need no rights of ours, and cannot turn it off.
CREATE ROLE regress_plain;
ALTER TABLE gm OWNER TO regress_plain;
GRANT CREATE ON SCHEMA public TO regress_plain;
SET ROLE regress_plain;
CREATE INDEX gm_f ON gm (a);
SET migrator.guard = 'off';
SET migrator.large_table_rows = 1000000;
RESET ROLE;
GRANT SET ON PARAMETER migrator.guard TO regress_plain;
SET ROLE regress_plain;
SET migrator.guard = 'off';
CREATE INDEX gm_f ON gm (a);
RESET ROLE;
RESET migrator.guard;
SET migrator.guard = 'off';
DROP TABLE gm; DROP OWNED BY regress_plain; DROP ROLE regress_plain;
