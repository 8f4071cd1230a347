SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Everything there is says what it is: the schema, whatever belongs to the extension, and the columns, triggers and indexes of that.
-- What a constraint makes is said by the constraint.
CREATE TEMP VIEW object AS
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE e.extname = 'migrator' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), ours AS (
    SELECT classid, objid, 0 AS subid FROM member WHERE classid <> 'pg_type'::regclass
    UNION ALL SELECT 'pg_namespace'::regclass, oid, 0 FROM pg_namespace WHERE nspname = 'migrator'
    UNION ALL SELECT 'pg_extension'::regclass, oid, 0 FROM pg_extension WHERE extname = 'migrator'
    UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum FROM pg_attribute a JOIN member m ON m.objid = a.attrelid
              JOIN pg_class c ON c.oid = a.attrelid
              WHERE m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 0 FROM pg_trigger t JOIN member m ON m.objid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, 0 FROM pg_index i JOIN member m ON m.objid = i.indrelid
              WHERE m.classid = 'pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
)
SELECT pg_describe_object(classid, objid, subid) AS object, d.description
FROM ours LEFT JOIN pg_description d ON d.objoid = objid AND d.classoid = classid AND d.objsubid = subid;
SELECT object FROM object WHERE coalesce(description, '') = '' ORDER BY 1;
-- There is something to look at, of every kind.
SELECT split_part(object, ' ', 1) AS kind, count(*) > 0 AS some FROM object GROUP BY 1 ORDER BY 1;
-- They read well in a terminal.
SELECT object, line FROM object, regexp_split_to_table(description, E'\n') line WHERE length(line) > 76 ORDER BY 1;
-- Nothing of Rust's, nothing that ends in a space.
SELECT object FROM object WHERE description ~ '[ \n]$|  +\n|::' ORDER BY 1;
