SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A script means the same whatever standard_conforming_strings is, when it is registered and when it is run; nothing that
-- the parser did not see as a statement becomes one.
CREATE TABLE lexed (t text);
SET escape_string_warning = off;
SELECT migrator.register('1', $m$INSERT INTO lexed VALUES ('C:\temp')$m$, irreversible => 'x');
SET standard_conforming_strings = off;
SELECT regexp_replace(migrator.apply(), E'\\(.*\\)', '(time)');
TABLE lexed;
SELECT migrator.register('2', $m$set standard_conforming_strings = on; insert into lexed values ('a\'); commit; insert into lexed values (1) --')$m$, irreversible => 'x');
SET standard_conforming_strings = on;
SELECT migrator.register('2', $m$set standard_conforming_strings = off; insert into lexed values ('b\n')$m$, irreversible => 'x');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
TABLE lexed;
SHOW standard_conforming_strings;
SET migrator.guard = 'off';
DROP TABLE lexed;
