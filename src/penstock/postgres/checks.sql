-- Checks of a table after a copy, in its transaction.

-- name: not_null
SELECT count(*) AS rows FROM {table} WHERE {any_null};

-- name: unique
-- Rows with NULL in these columns do not count, as for a unique constraint.
SELECT count(*) AS rows, min(example) AS example
FROM (
    SELECT concat_ws(', ', {texts}) AS example FROM {table} WHERE NOT ({any_null}) GROUP BY {columns} HAVING count(*) > 1
) AS repeated;

-- name: accepted
SELECT count(*) AS rows, min({columns}::text) AS example
FROM {table}
WHERE {columns}::text <> ALL (%(values)s::text[]);

-- name: fresh
-- An infinite value has no age.
SELECT newest::text AS newest, extract(epoch FROM clock_timestamp() - newest)::float8 AS age
FROM (SELECT max({columns})::timestamptz AS newest FROM {table} WHERE isfinite({columns})) AS found;

-- name: volume
-- The last copies of the same kind into the table.
SELECT count(*) AS copies, percentile_cont(0.5) WITHIN GROUP (ORDER BY last.loaded) AS median
FROM (
    SELECT l.loaded
    FROM penstock_ledger.copies AS l
    WHERE l.target_oid = %(oid)s
        AND l.plan ->> 'mode' = %(mode)s
        AND l.plan ->> 'pipeline' IS NOT DISTINCT FROM %(pipeline)s
        AND l.plan ->> 'task' IS NOT DISTINCT FROM %(task)s
    ORDER BY l.run DESC
    LIMIT 10
) AS last;

-- name: exists
SELECT to_regclass('penstock_ledger.checks') IS NOT NULL AS there;

-- name: create
CREATE TABLE IF NOT EXISTS penstock_ledger.checks (
    run bigint NOT NULL,
    "check" text NOT NULL,
    passed boolean NOT NULL,
    found text NOT NULL,
    on_failure text NOT NULL
);
CREATE INDEX IF NOT EXISTS checks_run ON penstock_ledger.checks (run);
COMMENT ON TABLE penstock_ledger.checks IS 'Results of the checks of each copy that was committed';

-- name: record
INSERT INTO penstock_ledger.checks (run, "check", passed, found, on_failure)
VALUES (%(run)s, %(check)s, %(passed)s, %(found)s, %(on_failure)s);

-- name: of_run
SELECT "check", passed, found, on_failure FROM penstock_ledger.checks WHERE run = %(run)s;
