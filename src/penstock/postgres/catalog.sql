-- Queries of the system catalog about one table.

-- name: locate
-- The table's oid and kind, or no row.
SELECT c.oid, c.relkind::text, row_security_active(c.oid) AS hides_rows
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s;

-- name: columns
-- Without generated columns, which cannot be written. A domain counts as its own type.
SELECT
    a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    t.typname AS base,
    t.typtype::text AS typtype,
    a.atttypmod AS typmod,
    NOT a.attnotnull AS nullable,
    (a.atthasdef OR a.attidentity <> '') AS has_default,
    a.attidentity = 'a' AS always,
    d.base AS domain_base,
    d.type AS domain_type,
    d.typmod AS domain_typmod
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN LATERAL (
    -- What a domain is made of; a domain may be made of another.
    WITH RECURSIVE layers AS (
        SELECT t.typbasetype AS oid, t.typtypmod AS typmod WHERE t.typtype = 'd'
        UNION ALL
        SELECT b.typbasetype, b.typtypmod FROM layers JOIN pg_type AS b ON b.oid = layers.oid WHERE b.typtype = 'd'
    )
    SELECT b.typname AS base, layers.typmod, format_type(layers.oid, layers.typmod) AS type
    FROM layers JOIN pg_type AS b ON b.oid = layers.oid
    WHERE b.typtype = 'b'
) AS d ON true
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum;

-- name: uniques
-- Unique indexes, the primary key first. The values are SQL with unqualified column names. Temporal keys (WITHOUT OVERLAPS)
-- are exclusion constraints.
SELECT
    i.indisprimary AS is_primary,
    (SELECT relname FROM pg_class WHERE oid = i.indexrelid) AS name,
    array(SELECT pg_get_indexdef(i.indexrelid, k, false) FROM generate_series(1, i.indnkeyatts) AS k ORDER BY k) AS values,
    array(
        SELECT a.attname::text
        FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        ORDER BY k.place
    ) AS plain,
    array(
        SELECT DISTINCT a.attname::text
        FROM pg_depend AS d
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
        ORDER BY 1
    ) AS used,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indexprs IS NOT NULL AS of_expression,
    -- The column exists since PostgreSQL 15.
    coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
    (
        SELECT format('%%I.%%I', n.nspname, c.conname) FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace
        WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.condeferrable AND NOT i.indimmediate
    ) AS deferrable
FROM pg_index AS i
WHERE i.indrelid = %(oid)s AND i.indisunique AND i.indisvalid AND NOT i.indisexclusion
ORDER BY i.indisprimary DESC, i.indexrelid;

-- name: checks
-- The expressions as SQL with unqualified column names.
SELECT conname AS name, pg_get_expr(conbin, conrelid) AS expression
FROM pg_constraint
WHERE conrelid = %(oid)s AND contype = 'c'
ORDER BY conname;

-- name: foreign_keys
SELECT
    c.conname AS name,
    n.nspname AS schema,
    r.relname AS table,
    array(
        SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.place
    ) AS columns,
    array(
        SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.place
    ) AS referred
FROM pg_constraint AS c
JOIN pg_class AS r ON r.oid = c.confrelid
JOIN pg_namespace AS n ON n.oid = r.relnamespace
WHERE c.conrelid = %(oid)s AND c.contype = 'f' AND c.conparentid = 0
ORDER BY c.conname;

-- name: partitioning
-- The date or timestamp column of the table's range partitions, or no row.
SELECT a.attname AS name
FROM pg_partitioned_table AS p
JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
WHERE p.partrelid = %(oid)s AND p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] <> 0
    AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype);

-- name: partitions
-- Bounds of a table's partitions, as the server writes them.
SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = %(oid)s;

-- name: watched
-- Whether deleting a row and inserting it again is more than a change of it: foreign keys with an action, triggers,
-- inheriting tables. And the columns to which foreign keys refer.
SELECT
    EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = c.oid AND confdeltype <> 'a')
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D')
        OR c.relkind = 'r' AND c.relhassubclass
        OR NOT (has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'INSERT')) AS watched,
    array(
        SELECT DISTINCT a.attname::text
        FROM pg_constraint AS f
        CROSS JOIN unnest(f.confkey) AS k(attnum)
        JOIN pg_attribute AS a ON a.attrelid = f.confrelid AND a.attnum = k.attnum
        WHERE f.contype = 'f' AND f.confrelid = c.oid
    ) AS referred
FROM pg_class AS c
WHERE c.oid = {name}::regclass;

-- name: copied_columns
-- The names of the columns of all sources that were copied into the table.
SELECT DISTINCT unnest(header) AS name FROM penstock_ledger.copies WHERE target_oid = %(oid)s;

-- name: labels
-- The labels of an enum, or no row.
SELECT enumlabel::text AS label FROM pg_enum WHERE enumtypid = to_regtype(%(type)s) ORDER BY enumsortorder;

-- name: files
SELECT array_agg(c.relfilenode ORDER BY c.oid) AS files FROM pg_class AS c
WHERE c.oid = %(oid)s OR c.oid IN (SELECT p.relid FROM pg_partition_tree(%(oid)s) AS p);
