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
    c.condeferrable AS deferrable, c.confdeltype = 'c' AS cascades,
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

-- name: is_wanted
-- Whether the target lacks this key, and has the table that it refers to.
SELECT to_regclass(format('%%I.%%I', %(schema)s::text, %(referred)s::text)) IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_constraint AS c
    WHERE c.conrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) AND c.contype = 'f'
        AND c.conname = %(name)s
) AS wanted;

-- name: objects
-- What a copy of the schema does not carry, by kind and name.
WITH own AS (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = %(schema)s),
held AS (
    SELECT c.* FROM pg_class AS c JOIN own ON own.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
),
tables AS (SELECT * FROM held WHERE relkind IN ('r', 'p'))
SELECT o.kind, o.name FROM (
    SELECT 'trigger' AS kind, format('%%s.%%s', c.relname, t.tgname) AS name
    FROM pg_trigger AS t JOIN tables AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND NOT c.relispartition
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
        format('%%s(%%s)', p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_proc AS p JOIN own ON own.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END, relname
    FROM held WHERE relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT 'rule', format('%%s.%%s', c.relname, r.rulename) FROM pg_rewrite AS r JOIN tables AS c ON c.oid = r.ev_class
    UNION ALL
    SELECT 'policy', format('%%s.%%s', c.relname, p.polname) FROM pg_policy AS p JOIN tables AS c ON c.oid = p.polrelid
    UNION ALL
    SELECT 'row security', relname FROM tables WHERE relrowsecurity
    UNION ALL
    SELECT 'extended statistics', s.stxname FROM pg_statistic_ext AS s JOIN tables AS c ON c.oid = s.stxrelid
    UNION ALL
    SELECT 'foreign key to another schema', format('%%s.%%s', c.relname, f.conname)
    FROM pg_constraint AS f JOIN tables AS c ON c.oid = f.conrelid JOIN pg_class AS r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND f.conparentid = 0 AND r.relnamespace <> c.relnamespace
    UNION ALL
    SELECT 'inheritance', format('%%s from %%s', c.relname, p.relname)
    FROM pg_inherits AS i JOIN tables AS c ON c.oid = i.inhrelid JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE NOT c.relispartition
    UNION ALL
    SELECT 'sequence', s.relname FROM held AS s
    WHERE s.relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
            OR d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
    )
    UNION ALL
    SELECT 'grants', relname FROM tables WHERE relacl IS NOT NULL AND relacl <> acldefault('r', relowner)
    UNION ALL
    SELECT 'storage parameters', relname FROM tables WHERE reloptions IS NOT NULL
    UNION ALL
    SELECT 'unlogged table', relname FROM tables WHERE relpersistence = 'u'
    UNION ALL
    SELECT 'comment', format('%%s.%%s', c.relname, k.conname) FROM pg_description AS d
    JOIN pg_constraint AS k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid JOIN tables AS c ON c.oid = k.conrelid
    UNION ALL
    SELECT 'comment', c.relname FROM pg_description AS d
    JOIN held AS c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid WHERE c.relkind IN ('i', 'I', 'S')
) AS o
ORDER BY o.kind, o.name;

-- name: held
SELECT count(*) AS rows FROM {table};
