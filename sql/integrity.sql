-- The history as a chain: each row holds a hash over its own content and over the hashes of the rows it follows, so that
-- a row that was changed, deleted, swapped or slipped in shows. It is no signature: whoever may write here may compute
-- the whole chain anew. Keep the last hash of migrator.history elsewhere, and that shows as well.

CREATE FUNCTION migrator.event_hash(e migrator.event, previous text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
-- Without what is NULL, so that a column that comes later changes no old hash. What depends on a setting of the session
-- when it is written as text (time zone, IntervalStyle) is written as a number or in binary.
RETURN encode(sha256(convert_to(
    array_to_string(previous, ' ') || E'\n' || jsonb_strip_nulls(
        to_jsonb(e) - '{hash, at, duration}'::text[] || jsonb_build_object(
            'at', extract(epoch FROM (e).at), 'duration', encode(interval_send((e).duration), 'hex')))::text,
    'UTF8')), 'hex');
COMMENT ON FUNCTION migrator.event_hash(migrator.event, text[]) IS
'The hash of a row of the history that follows rows with these hashes:
SHA-256 of them and of its content as JSON, in hex';

CREATE TABLE migrator.event_end (
    event bigint PRIMARY KEY,
    hash text COLLATE "C" NOT NULL
);
COMMENT ON TABLE migrator.event_end IS
'The ends of the history: events that no other follows yet.
One, or two after an attempt failed in a transaction that
had written to the history and went on';
COMMENT ON COLUMN migrator.event_end.event IS 'Its id';
COMMENT ON COLUMN migrator.event_end.hash IS
'Its hash; the row that comes next follows it even if
somebody has deleted it by then';

CREATE FUNCTION migrator.event_append_only() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_event_append_only';
COMMENT ON FUNCTION migrator.event_append_only() IS 'Refuses to change the history';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migrator.event
    FOR EACH STATEMENT EXECUTE FUNCTION migrator.event_append_only();
ALTER TABLE migrator.event ENABLE ALWAYS TRIGGER append_only;

SELECT pg_catalog.pg_extension_config_dump('migrator.event_end', '');
