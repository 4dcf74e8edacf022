-- Queries about a schema.

-- name: tables
-- Tables with rows, without partitions of others and tables of extensions.
SELECT c.relname::text AS name FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname;

-- name: references
-- Foreign keys between tables of the schema, with the definitions needed to create them elsewhere.
SELECT c.conname::text AS name, t.relname::text AS table, r.relname::text AS referred, c.convalidated AS valid,
    pg_get_constraintdef(c.oid) AS definition,
    format(' REFERENCES %%I.%%I(', n.nspname, r.relname) AS head
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid
JOIN pg_class AS r ON r.oid = c.confrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.oid = r.relnamespace
WHERE n.nspname = %(schema)s AND c.contype = 'f' AND c.conparentid = 0
ORDER BY t.relname, c.conname;

-- name: is_there
SELECT EXISTS (
    SELECT FROM pg_constraint AS c
    WHERE c.conrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) AND c.contype = 'f'
        AND c.conname = %(name)s
) AS there;
