-- Whether the rows of an earlier copy are still in the table.

-- name: count
SELECT count(*) AS rows FROM (SELECT FROM {target} AS t WHERE {scope} LIMIT %(most)s) AS held;

-- name: has_transactions
SELECT relkind IN ('r', 'p') AS has FROM pg_class WHERE oid = %(oid)s;

-- name: untouched
-- The ledger's row was written in the transaction that wrote the rows. An update gives a row another one.
SELECT count(*) AS rows FROM {target} AS t
WHERE t.xmin = (
    SELECT l.xmin FROM penstock_ledger.copies AS l
    WHERE l.id = %(id)s AND l.target_oid = %(oid)s
    ORDER BY l.run DESC
    LIMIT 1
);
