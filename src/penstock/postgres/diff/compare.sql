-- Queries of a comparison. {relation} is a table, or a query in parentheses with an alias.

-- name: describe
-- No row, only the columns.
SELECT * FROM {relation} LIMIT 0;

-- name: types
-- Types by their oids.
SELECT t.oid::bigint, t.typname::text, t.typtype::text, format_type(t.oid, NULL)
FROM pg_type AS t
WHERE t.oid = ANY({types}::oid[]);

-- name: table
-- Relations that can be compared: tables, partitioned tables, views, materialized views, foreign tables.
SELECT c.oid::bigint
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = {schema} AND c.relname = {table} AND c.relkind IN ('r', 'p', 'v', 'm', 'f');

-- name: required
-- The columns that never hold null.
SELECT a.attname::text FROM pg_attribute AS a
WHERE a.attrelid = {table} AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
    AND NOT EXISTS (
        SELECT FROM pg_constraint AS c
        WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND a.attnum = ANY (c.conkey) AND NOT c.convalidated
    );

-- name: primary_key
SELECT a.attname::text
FROM pg_index AS i
CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = {table} AND i.indisprimary AND k.place <= i.indnkeyatts
ORDER BY k.place;

-- name: encoding
SELECT current_setting('server_encoding');

-- name: one_way_to_print
-- Until the transaction ends, values are printed independently of the settings of server, database and login.
SELECT
    set_config('TimeZone', 'UTC', true),
    set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true),
    set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true);

-- name: may_sort
SELECT set_config('enable_sort', {setting}, true);

-- name: sums
-- For each range of hashed keys: the number of rows, and the exact sum of their hashes in any order.
-- OFFSET 0 keeps both expressions below the grouping, which then has two columns: it takes an eighth of the time.
SELECT hashed.hashed_range, count(*), sum(hashed.row_hash)
FROM (
    SELECT ({key_hash}) >> {shift} AS hashed_range, {row_hash} AS row_hash
    FROM {relation} AS compared
    {wanted}
    OFFSET 0
) AS hashed
GROUP BY 1;

-- name: wanted
-- Only these ranges. A join, because a long list in a condition is slow before PostgreSQL 14.
JOIN unnest({ranges}::bigint[]) AS penstock_wanted(penstock_range)
ON penstock_wanted.penstock_range = ({key_hash}) >> {shift}

-- name: rows
-- Rows in the order of their hashed keys, which is the same on every server.
SELECT {key_hash} AS key_hash, {row_hash}, {key}
FROM {relation} AS compared
{wanted}
ORDER BY 1;

-- name: copies
-- The same without a key: how often each row occurs.
SELECT {key_hash} AS key_hash, count(*)
FROM {relation} AS compared
{wanted}
GROUP BY 1
ORDER BY 1;

-- name: by_key
-- The values of the rows with these keys, and the position of the key.
SELECT asked.place, {values}
FROM unnest({keys}) WITH ORDINALITY AS asked({names}, place)
JOIN {relation} AS compared ON {same_key};

-- name: by_hash
-- One of the rows of each of these hashes.
SELECT DISTINCT ON (1) {key_hash}, {values}
FROM {relation} AS compared
WHERE {key_hash} = ANY({hashes}::bigint[])
ORDER BY 1;
