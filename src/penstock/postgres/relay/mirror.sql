-- name: delete_absent
-- Rows of these ranges of hashed keys that the source no longer has.
DELETE FROM {target} AS compared USING unnest({ranges}::bigint[]) AS wanted(hashed_range)
WHERE wanted.hashed_range = ({key_hash}) >> {shift}
    AND NOT EXISTS (SELECT FROM penstock_stage AS s WHERE {match});

-- name: unlike
-- Staged rows that the table does not hold, and the numbers of rows.
SELECT
    (SELECT count(*) FROM penstock_stage AS s
     WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE {match} AND {same})) AS changed,
    (SELECT count(*) FROM {target} AS t WHERE {scope}) AS held,
    (SELECT count(*) FROM penstock_stage) AS staged;

-- name: keys
CREATE TEMPORARY TABLE penstock_keys ({columns}) ON COMMIT DROP;

-- name: analyze_keys
ANALYZE penstock_keys;

-- name: mark_absent
UPDATE {target} AS t SET {mark} = {now} WHERE {scope} AND {unmarked} AND NOT EXISTS (SELECT FROM penstock_keys AS k WHERE {match});

-- name: unmark_present
UPDATE {target} AS t SET {mark} = {none} WHERE NOT {unmarked} AND EXISTS (SELECT FROM penstock_keys AS k WHERE {match});

-- name: causes
-- What may change rows on the way into a table.
SELECT 'trigger' AS kind, t.tgname::text AS name FROM pg_trigger AS t
WHERE t.tgrelid = %(oid)s AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
UNION ALL
SELECT 'rule', r.rulename::text FROM pg_rewrite AS r WHERE r.ev_class = %(oid)s AND r.ev_type <> '1' AND r.ev_enabled IN ('O', 'A')
UNION ALL
SELECT 'generated column', a.attname::text FROM pg_attribute AS a
WHERE a.attrelid = %(oid)s AND a.attgenerated <> '' AND NOT a.attisdropped
ORDER BY 1 DESC, 2;

-- name: triggers
-- The enabled triggers of these tables and of their partitions.
SELECT n.nspname::text AS schema, c.relname::text AS table, t.tgname::text AS name, t.tgenabled::text AS enabled
FROM unnest(%(schemas)s::text[], %(tables)s::text[]) AS l(schema, name)
JOIN pg_namespace AS ln ON ln.nspname = l.schema
JOIN pg_class AS lc ON lc.relnamespace = ln.oid AND lc.relname = l.name
JOIN pg_class AS c ON c.oid = lc.oid OR c.oid IN (SELECT p.relid FROM pg_partition_tree(lc.oid) AS p)
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_trigger AS t ON t.tgrelid = c.oid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A');
