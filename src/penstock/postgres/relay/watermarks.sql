-- Watermarks of incremental copies: one row each, in the target's ledger, written with the rows.

-- name: create
CREATE TABLE IF NOT EXISTS penstock_ledger.watermarks (
    id text PRIMARY KEY,
    source text NOT NULL,
    target text NOT NULL,
    target_oid oid NOT NULL,
    cursor text NOT NULL,
    value text,
    key text[],
    system text NOT NULL,
    source_oid oid NOT NULL,
    oldest_open bigint NOT NULL,
    any_open boolean NOT NULL,
    complete_open bigint NOT NULL DEFAULT 0,
    held boolean NOT NULL DEFAULT false,
    run bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE penstock_ledger.watermarks IS
    'How far each incremental copy has come: the greatest cursor and key, and the oldest transaction that was open then';

-- name: exists
SELECT to_regclass('penstock_ledger.watermarks') IS NOT NULL AS there,
    EXISTS (SELECT FROM pg_attribute AS a
            WHERE a.attrelid = to_regclass('penstock_ledger.watermarks') AND a.attname = 'held') AS current;

-- name: extend
ALTER TABLE penstock_ledger.watermarks
    ADD COLUMN IF NOT EXISTS complete_open bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false;

-- name: holds
SELECT EXISTS (SELECT FROM {table} AS t WHERE {match}) AS there;

-- name: read
SELECT value, key, oldest_open, any_open, complete_open, held FROM penstock_ledger.watermarks
WHERE id = %(id)s AND target_oid = %(target_oid)s AND system = %(system)s AND source_oid = %(source_oid)s;

-- name: write
INSERT INTO penstock_ledger.watermarks AS w
    (id, source, target, target_oid, cursor, value, key, system, source_oid, oldest_open, any_open,
     complete_open, held, run)
VALUES (%(id)s, %(source)s, %(target)s, %(target_oid)s, %(cursor)s, %(value)s, %(key)s, %(system)s, %(source_oid)s,
    %(oldest_open)s, %(any_open)s, %(complete_open)s, %(held)s, %(run)s)
ON CONFLICT (id) DO UPDATE SET (target_oid, value, key, system, source_oid, oldest_open, any_open, complete_open, held, run,
    written_at)
    = (excluded.target_oid, excluded.value, excluded.key, excluded.system, excluded.source_oid, excluded.oldest_open,
       excluded.any_open, excluded.complete_open, excluded.held, excluded.run, excluded.written_at);

-- name: next
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next, pg_is_in_recovery() AS standby;

-- name: ours
-- Open transactions with a number, in this database or, if prepared, in an unknown one.
SELECT l.transactionid::text AS number
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
    AND (a.datid IS NULL OR a.datid = (SELECT oid FROM pg_database WHERE datname = current_database()));

-- name: instant
-- The transactions that this snapshot sees as open. Only top-level ones are listed, without subtransactions, which
-- have greater numbers.
SELECT
    pg_snapshot_xmax(s.snapshot)::text::bigint AS next,
    array(SELECT x::text::bigint FROM pg_snapshot_xip(s.snapshot) AS x) AS open,
    (SELECT system_identifier::text FROM pg_control_system()) AS system
FROM (SELECT pg_current_snapshot() AS snapshot) AS s;

-- name: greatest
-- The last row by cursor and key. {within} excludes cursors in the future, and those that are not points in time.
SELECT {cursor}::text AS value, ARRAY[{key_texts}]::text[] AS key FROM {relation}
WHERE {within}
ORDER BY {order} LIMIT 1;
