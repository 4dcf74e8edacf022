-- From staged rows to the table. Each statement that takes rows off the stage says what became of them.
-- The stage holds the target's columns and, of each row: _file, _line (where it stands) and _again (its key was
-- perhaps seen before in this input).

-- name: stage
CREATE TEMPORARY TABLE penstock_stage ({stage_columns}, _file integer NOT NULL, _line bigint NOT NULL, _again boolean NOT NULL)
ON COMMIT DROP;

-- name: lock
LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE;

-- name: any_row
SELECT EXISTS (SELECT FROM {target}) AS any;

-- name: reject_unreadable
-- Columns whose type only the server can read stand on the stage as text.
WITH bad AS (
    DELETE FROM penstock_stage WHERE NOT pg_input_is_valid({column}, {type}) RETURNING _file, _line, {column} AS value
)
INSERT INTO penstock_ledger.rejects (run, file, line, reason, "column", message)
SELECT {run}, ({files}::text[])[b._file + 1], b._line,
    CASE
        WHEN e.sql_error_code IN ('22003', '22008') THEN 'out_of_range'
        WHEN e.sql_error_code = '22001' THEN 'too_long'
        WHEN e.sql_error_code = '23514' THEN 'check'
        WHEN e.sql_error_code = '23502' THEN 'missing'
        ELSE 'bad_type'
    END,
    {column_name}, left(e.message, 200)
FROM bad AS b CROSS JOIN LATERAL pg_input_error_info(b.value, {type}) AS e;

-- name: read_column
ALTER TABLE penstock_stage ALTER COLUMN {column} TYPE {sql_type} USING {column}::{sql_type};

-- name: analyze
ANALYZE penstock_stage;

-- name: reject_check
WITH bad AS (DELETE FROM penstock_stage WHERE NOT ({expression}) RETURNING _file, _line)
INSERT INTO penstock_ledger.rejects (run, file, line, reason, message)
SELECT {run}, ({files}::text[])[_file + 1], _line, 'check', {message} FROM bad;

-- name: reject_foreign_key
WITH bad AS (
    DELETE FROM penstock_stage AS s
    WHERE {present} AND NOT EXISTS (SELECT FROM {referred} AS r WHERE {match}) AND {no_sibling}
    RETURNING s._file, s._line
)
INSERT INTO penstock_ledger.rejects (run, file, line, reason, "column", message)
SELECT {run}, ({files}::text[])[_file + 1], _line, 'foreign_key', {column_name}, {message} FROM bad;

-- name: reject_outside
WITH bad AS (
    DELETE FROM penstock_stage
    WHERE ({column} >= {start} AND {column} < {end}) IS NOT TRUE
    RETURNING _file, _line
)
INSERT INTO penstock_ledger.rejects (run, file, line, reason, "column", message)
SELECT {run}, ({files}::text[])[_file + 1], _line, 'outside_interval', {column_name}, {message} FROM bad;

-- name: settle_stage
-- Among staged rows of one key the first by {order} stays. One that equals it in everything is a duplicate, any
-- other has lost and is kept in quarantine.
WITH ranked AS (
    SELECT ctid AS id, first_value(ctid) OVER w AS winner, row_number() OVER w AS place
    FROM penstock_stage
    WHERE {present} AND {suspects}
    WINDOW w AS (PARTITION BY {key} ORDER BY {order})
), lost AS (
    DELETE FROM penstock_stage AS s
    USING ranked AS r, penstock_stage AS t
    WHERE r.place > 1 AND s.ctid = r.id AND t.ctid = r.winner
    RETURNING s._file, s._line, {same} AS same
), kept AS (
    INSERT INTO penstock_ledger.rejects (run, file, line, reason, "column", message)
    SELECT {run}, ({files}::text[])[_file + 1], _line, 'key_conflict', {column_name}, {message} FROM lost WHERE NOT same
)
SELECT count(*) FILTER (WHERE same) AS duplicates FROM lost;

-- name: settle_target
-- Staged rows whose key the table holds ({scope}): equal ones are duplicates, the others lose to the row that is there.
WITH lost AS (
    DELETE FROM penstock_stage AS s
    USING {target} AS t
    WHERE {match} AND {scope}
    RETURNING s._file, s._line, {same} AS same
), kept AS (
    INSERT INTO penstock_ledger.rejects (run, file, line, reason, "column", message)
    SELECT {run}, ({files}::text[])[_file + 1], _line, 'key_conflict', {column_name}, {message} FROM lost WHERE NOT same
)
SELECT count(*) FILTER (WHERE same) AS duplicates FROM lost;

-- name: insert
-- Rows keep the order of the input: the stage is filled in it, and a scan of a temporary table starts at its beginning.
INSERT INTO {target} ({columns}) {overriding} SELECT {columns} FROM penstock_stage;

-- name: insert_missing
INSERT INTO {target} ({columns}) {overriding}
SELECT {columns} FROM penstock_stage AS s
WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE {match});

-- name: update_changed
UPDATE {target} AS t SET {assignments} FROM penstock_stage AS s WHERE {match} AND NOT ({same});

-- name: upsert
-- A row that the statement updated carries its own transaction in xmax; a fresh one has none.
WITH written AS (
    INSERT INTO {target} AS t ({columns}) {overriding}
    SELECT {columns} FROM penstock_stage AS s
    ON CONFLICT ({key}) DO UPDATE SET {assignments} WHERE NOT ({same})
    RETURNING t.xmax = 0 AS fresh
)
SELECT count(*) FILTER (WHERE fresh) AS inserted, count(*) FILTER (WHERE NOT fresh) AS updated FROM written;

-- name: delete_absent
DELETE FROM {target} AS t WHERE {scope} AND NOT EXISTS (SELECT FROM penstock_stage AS s WHERE {match});

-- name: delete
DELETE FROM {target} AS t WHERE {scope};

-- name: count_stage
SELECT count(*) AS rows FROM penstock_stage;

-- name: periods
SELECT DISTINCT date_trunc({unit}, {column})::date AS start FROM penstock_stage WHERE {column} IS NOT NULL ORDER BY 1;
