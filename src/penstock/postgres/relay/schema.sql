-- Queries about a schema.

-- name: tables
-- Tables with rows, without partitions of others and tables of extensions.
SELECT c.relname::text AS name FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname;

-- name: references
-- Foreign keys between tables of the schema, with the definitions needed to create them elsewhere. `root` is the
-- partitioned table if the key belongs to a partition only.
SELECT c.conname::text AS name, t.relname::text AS table, r.relname::text AS referred, c.convalidated AS valid,
    top.relname::text AS root, referred_top.relname::text AS referred_root,
    pg_get_constraintdef(c.oid) AS definition,
    format(' REFERENCES %%I.%%I(', rn.nspname, r.relname) AS head
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid
JOIN pg_class AS r ON r.oid = c.confrelid
JOIN pg_class AS top ON top.oid = coalesce(pg_partition_root(t.oid), t.oid)
JOIN pg_class AS referred_top ON referred_top.oid = coalesce(pg_partition_root(r.oid), r.oid)
JOIN pg_namespace AS n ON n.oid = top.relnamespace AND n.oid = referred_top.relnamespace
JOIN pg_namespace AS rn ON rn.oid = r.relnamespace
WHERE n.nspname = %(schema)s AND c.contype = 'f' AND c.conparentid = 0
ORDER BY t.relname, c.conname;

-- name: links
-- Foreign keys between these tables and their partitions.
WITH listed AS (
    SELECT c.oid, n.nspname, c.relname
    FROM unnest(%(schemas)s::text[], %(tables)s::text[]) AS l(schema, name)
    JOIN pg_namespace AS n ON n.nspname = l.schema
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = l.name
)
SELECT c.conname::text AS name, n.nspname::text AS schema, t.relname::text AS table,
    own.relname::text AS root, own.nspname::text AS root_schema,
    other.relname::text AS referred_root, other.nspname::text AS referred_root_schema,
    c.condeferrable AS deferrable,
    'r' IN (c.confdeltype, c.confupdtype) OR (
        ARRAY[c.confdeltype, c.confupdtype] && ARRAY['n', 'd']::"char"[]
        AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum = ANY (c.conkey) AND a.attnotnull)
    ) AS immediate,
    pg_has_role(t.relowner, 'USAGE') AS owned, pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN listed AS own ON own.oid = coalesce(pg_partition_root(c.conrelid), c.conrelid)
JOIN listed AS other ON other.oid = coalesce(pg_partition_root(c.confrelid), c.confrelid)
WHERE c.contype = 'f' AND c.conparentid = 0
ORDER BY t.relname, c.conname;

-- name: is_there
SELECT EXISTS (
    SELECT FROM pg_constraint AS c
    WHERE c.conrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) AND c.contype = 'f'
        AND c.conname = %(name)s
) AS there;
