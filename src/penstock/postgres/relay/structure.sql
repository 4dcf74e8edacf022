-- The definition of a table in a server's catalog, for creating the same elsewhere. The search path is empty while
-- these run, so that every name is qualified with its schema.

-- name: relation
SELECT
    c.oid,
    c.relkind::text AS kind,
    c.relhassubclass AS has_children,
    c.relpages AS pages,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
    obj_description(c.oid, 'pg_class') AS comment,
    has_table_privilege(c.oid, 'SELECT') AS readable,
    coalesce(am.amname = 'heap', false) AS heap
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_am AS am ON am.oid = c.relam
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f');

-- name: columns
-- `binary` marks types whose binary format is portable between servers: built-in ones, without those that contain
-- oids, arrays of them, enums (which are sent as labels) and domains over them.
SELECT
    a.attnum AS number,
    a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    a.atttypid AS type_oid,
    a.attnotnull AND NOT EXISTS (
        SELECT FROM pg_constraint AS c
        WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND a.attnum = ANY (c.conkey) AND NOT c.convalidated
    ) AS not_null,
    a.attidentity::text AS identity,
    a.attgenerated::text AS generated,
    pg_get_expr(d.adbin, d.adrelid) AS expression,
    col_description(a.attrelid, a.attnum) AS comment,
    CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
        THEN (SELECT format('%%I.%%I', n.nspname, o.collname) FROM pg_collation AS o
              JOIN pg_namespace AS n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation)
    END AS collation,
    t.typtype = 'e' OR (
        b.oid < 16384 AND b.typtype IN ('b', 'r', 'm') AND b.typsend <> 0 AND b.typname NOT LIKE 'reg%%'
        AND NOT EXISTS (
            SELECT FROM pg_type AS e
            WHERE e.oid = b.typelem AND (e.oid >= 16384 OR e.typname LIKE 'reg%%' OR e.typtype = 'p' OR e.typsend = 0)
        )
    ) AS binary
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: constraints
-- Checks, keys, unique and exclusion constraints, and NOT NULL that was not validated; foreign keys are queried separately.
SELECT
    c.conname AS name,
    c.contype::text AS kind,
    pg_get_constraintdef(c.oid) AS definition,
    c.convalidated AS valid,
    array(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns,
    c.conkey IS NULL OR 0 = ANY (c.conkey) AS of_expression
FROM pg_constraint AS c
WHERE c.conrelid = %(oid)s AND (c.contype IN ('c', 'p', 'u', 'x') OR c.contype = 'n' AND NOT c.convalidated)
ORDER BY c.contype = 'x', c.contype = 'u', c.conname;

-- name: foreign_keys
SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS definition, n.nspname AS schema, r.relname AS table,
    array(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_constraint AS c
JOIN pg_class AS r ON r.oid = c.confrelid
JOIN pg_namespace AS n ON n.oid = r.relnamespace
WHERE c.conrelid = %(oid)s AND c.contype = 'f' AND c.conparentid = 0
ORDER BY c.conname;

-- name: indexes
-- Indexes that do not belong to a constraint.
SELECT
    i.relname AS name,
    pg_get_indexdef(x.indexrelid) AS definition,
    format('CREATE %%sINDEX %%I ON %%s%%I.%%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname,
        CASE WHEN t.relkind = 'p' THEN 'ONLY ' END, n.nspname, t.relname) AS head,
    x.indisunique AS is_unique,
    array(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)) AS columns,
    x.indexprs IS NOT NULL OR x.indpred IS NOT NULL AS of_expression
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE x.indrelid = %(oid)s AND x.indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x'))
ORDER BY i.relname;

-- name: uniques
-- Sets of plain columns with unique values, apart from nulls. Deferrable keys are unique in committed rows, too.
SELECT array(
    SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.place
) AS columns, i.indisprimary AS is_primary
FROM pg_index AS i
WHERE i.indrelid = %(oid)s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indexrelid;

-- name: partitions
-- All partitions of the table, parents first.
WITH RECURSIVE tree AS (
    SELECT i.inhrelid AS oid, i.inhparent AS parent, 1 AS depth FROM pg_inherits AS i WHERE i.inhparent = %(oid)s
    UNION ALL
    SELECT i.inhrelid, i.inhparent, tree.depth + 1 FROM pg_inherits AS i JOIN tree ON i.inhparent = tree.oid
)
SELECT c.oid, c.relname AS name, n.nspname AS schema, tree.parent, pg_get_expr(c.relpartbound, c.oid) AS bound,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key, c.relkind::text AS kind
FROM tree JOIN pg_class AS c ON c.oid = tree.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY tree.depth, c.relname;

-- name: partition_columns
-- Columns of partitions whose default, generation or NOT NULL is not that of the table.
SELECT c.oid, c.relname::text AS partition, a.attname::text AS name, p.attgenerated <> '' OR a.attgenerated <> '' AS generated,
    pg_get_expr(own.adbin, own.adrelid) AS expression,
    pg_get_expr(own.adbin, own.adrelid) IS DISTINCT FROM pg_get_expr(theirs.adbin, theirs.adrelid) AS differs,
    a.attnotnull AND NOT p.attnotnull AS not_null
FROM pg_partition_tree(%(oid)s) AS tree
JOIN pg_class AS c ON c.oid = tree.relid AND c.oid <> %(oid)s
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_attribute AS p ON p.attrelid = %(oid)s AND p.attname = a.attname AND p.attnum > 0 AND NOT p.attisdropped
LEFT JOIN pg_attrdef AS own ON own.adrelid = a.attrelid AND own.adnum = a.attnum
LEFT JOIN pg_attrdef AS theirs ON theirs.adrelid = p.attrelid AND theirs.adnum = p.attnum
WHERE pg_get_expr(own.adbin, own.adrelid) IS DISTINCT FROM pg_get_expr(theirs.adbin, theirs.adrelid)
    OR a.attnotnull AND NOT p.attnotnull
ORDER BY tree.level, c.relname, a.attnum;

-- name: partition_constraints
-- Checks, keys and exclusion constraints that single partitions have, and those above them do not.
SELECT c.conrelid AS oid, c.conname::text AS name, c.contype::text AS kind, pg_get_constraintdef(c.oid) AS definition, c.convalidated AS valid
FROM pg_partition_tree(%(oid)s) AS tree
JOIN pg_constraint AS c ON c.conrelid = tree.relid
WHERE tree.relid <> %(oid)s AND c.contype IN ('c', 'p', 'u', 'x') AND c.conparentid = 0 AND c.coninhcount = 0
ORDER BY tree.level, c.contype = 'x', c.contype = 'u', c.conname;

-- name: partition_indexes
-- Indexes that single partitions have, and those above them do not, without those of constraints.
SELECT
    x.indrelid AS oid,
    i.relname::text AS name,
    pg_get_indexdef(x.indexrelid) AS definition,
    format('CREATE %%sINDEX %%I ON %%s%%I.%%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname,
        CASE WHEN t.relkind = 'p' THEN 'ONLY ' END, n.nspname, t.relname) AS head,
    x.indisunique AS is_unique
FROM pg_partition_tree(%(oid)s) AS tree
JOIN pg_index AS x ON x.indrelid = tree.relid AND x.indisvalid
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE tree.relid <> %(oid)s
    AND NOT EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = x.indexrelid)
    AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x'))
ORDER BY tree.level, i.relname;

-- name: types
-- User-defined types of the table's columns, in the order in which they can be created.
WITH RECURSIVE used AS (
    SELECT a.atttypid AS oid, 0 AS depth, a.attname::text AS used_by FROM pg_attribute AS a
    WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT below.oid, used.depth + 1, used.used_by
    FROM used
    JOIN pg_type AS t ON t.oid = used.oid
    CROSS JOIN LATERAL (
        SELECT t.typelem AS oid WHERE t.typelem <> 0
        UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
        UNION ALL SELECT r.rngsubtype FROM pg_range AS r WHERE r.rngtypid = t.oid
        UNION ALL SELECT r.rngtypid FROM pg_range AS r WHERE t.typtype = 'm' AND to_jsonb(r) ->> 'rngmultitypid' = t.oid::text
        UNION ALL SELECT a.atttypid FROM pg_attribute AS a
            WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
    ) AS below
    WHERE used.depth < 20
)
SELECT t.oid, used.used_by AS columns, n.nspname AS schema, t.typname AS name, t.typtype::text AS kind, format('%%I.%%I', n.nspname, t.typname) AS full_name,
    (SELECT e.extname FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
     WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' LIMIT 1) AS extension,
    array(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
    t.typnotnull AS not_null,
    t.typdefault AS default,
    (SELECT concat_ws(', ', format('SUBTYPE = %%s', format_type(r.rngsubtype, NULL)),
        format('SUBTYPE_OPCLASS = %%I.%%I', n.nspname, o.opcname),
        (SELECT format('COLLATION = %%I.%%I', cn.nspname, l.collname) FROM pg_collation AS l
         JOIN pg_namespace AS cn ON cn.oid = l.collnamespace WHERE l.oid = r.rngcollation),
        CASE WHEN r.rngsubdiff <> 0 THEN 'SUBTYPE_DIFF = ' || r.rngsubdiff::regproc END,
        (SELECT format('MULTIRANGE_TYPE_NAME = %%I.%%I', mn.nspname, m.typname) FROM pg_type AS m
         JOIN pg_namespace AS mn ON mn.oid = m.typnamespace WHERE m.oid::text = to_jsonb(r) ->> 'rngmultitypid'))
     FROM pg_range AS r JOIN pg_opclass AS o ON o.oid = r.rngsubopc JOIN pg_namespace AS n ON n.oid = o.opcnamespace
     WHERE r.rngtypid = t.oid) AS range,
    array(SELECT format('CONSTRAINT %%I %%s', c.conname, pg_get_constraintdef(c.oid)) FROM pg_constraint AS c
          WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname) AS checks,
    array(SELECT format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute AS a
          WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS fields
FROM (SELECT oid, max(depth) AS depth, array_agg(DISTINCT used_by) AS used_by FROM used GROUP BY oid) AS used
JOIN pg_type AS t ON t.oid = used.oid
JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.oid >= 16384 AND t.typelem = 0
ORDER BY used.depth DESC, t.oid;

-- name: describe
-- The types of a query's columns.
SELECT i.place, format_type(i.type, i.typmod) AS type,
    t.typtype = 'e' OR (
        t.oid < 16384 AND t.typtype IN ('b', 'r', 'm') AND t.typsend <> 0 AND t.typname NOT LIKE 'reg%%'
        AND NOT EXISTS (
            SELECT FROM pg_type AS e
            WHERE e.oid = t.typelem AND (e.oid >= 16384 OR e.typname LIKE 'reg%%' OR e.typtype = 'p' OR e.typsend = 0)
        )
    ) AS binary
FROM unnest(%(types)s::oid[], %(typmods)s::int[]) WITH ORDINALITY AS i(type, typmod, place)
JOIN pg_type AS t ON t.oid = i.type
ORDER BY i.place;

-- name: column_types
-- Types of a table's columns with their schemas, independent of the search path.
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.atttypid >= 16384 AS own
FROM pg_attribute AS a WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped;

-- name: sequences
-- The sequences that the table's columns own, or use in their defaults. `constant` is how expressions write the name.
WITH used AS (
    SELECT d.objid AS sequence, d.refobjsubid AS number, d.deptype::text AS bond FROM pg_depend AS d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s AND d.deptype IN ('a', 'i')
    UNION ALL
    SELECT d.refobjid, e.adnum, 'n' FROM pg_attrdef AS e
    JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid = 'pg_class'::regclass
    WHERE e.adrelid = %(oid)s
)
SELECT DISTINCT ON (s.oid, a.attnum)
    a.attname::text AS column, n.nspname::text AS schema, s.relname::text AS name,
    quote_literal(format('%%I.%%I', n.nspname, s.relname)) || '::regclass' AS constant,
    used.bond = 'i' AS identity, used.bond = 'a' AS owned, a.atttypid IN (20, 21, 23, 1700) AS of_numbers,
    format_type(q.seqtypid, NULL) AS type, q.seqincrement AS increment, q.seqmin AS least, q.seqmax AS greatest,
    q.seqstart AS start, q.seqcache AS cache, q.seqcycle AS cycle,
    has_sequence_privilege(s.oid, 'SELECT') AS may_look, has_sequence_privilege(s.oid, 'UPDATE') AS may_set
FROM used
JOIN pg_class AS s ON s.oid = used.sequence AND s.relkind = 'S'
JOIN pg_namespace AS n ON n.oid = s.relnamespace
JOIN pg_sequence AS q ON q.seqrelid = s.oid
JOIN pg_attribute AS a ON a.attrelid = %(oid)s AND a.attnum = used.number
ORDER BY s.oid, a.attnum, used.bond;

-- name: furthest
SELECT trunc({furthest}({column})) AS value FROM {table};

-- name: sequence_state
SELECT last_value, is_called FROM {sequence};
