-- The ledger and the quarantine. Both are written in the transaction that writes the rows.

-- name: exists
SELECT to_regclass('penstock_ledger.copies') IS NOT NULL AND to_regclass('penstock_ledger.rejects') IS NOT NULL AS there;

-- name: create
CREATE TABLE IF NOT EXISTS penstock_ledger.copies (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    target text NOT NULL,
    target_oid oid NOT NULL,
    plan jsonb NOT NULL,
    files text[] NOT NULL,
    header text[] NOT NULL,
    read bigint NOT NULL,
    loaded bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    deleted bigint NOT NULL,
    duplicates bigint NOT NULL,
    rejected bigint NOT NULL,
    filtered bigint NOT NULL,
    rejects jsonb NOT NULL,
    seconds double precision NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT every_row_is_accounted_for CHECK (
        read = loaded + duplicates + rejected AND loaded = inserted + updated + unchanged
    )
);
CREATE INDEX IF NOT EXISTS copies_id ON penstock_ledger.copies (id);
COMMENT ON TABLE penstock_ledger.copies IS 'One row for each copy that was committed, with the account of its rows';
CREATE TABLE IF NOT EXISTS penstock_ledger.rejects (
    run bigint NOT NULL,
    file text NOT NULL,
    line bigint NOT NULL,
    raw text,
    reason text NOT NULL,
    "column" text,
    message text NOT NULL,
    replayed_by text
);
CREATE INDEX IF NOT EXISTS rejects_run ON penstock_ledger.rejects (run);
COMMENT ON TABLE penstock_ledger.rejects IS 'Quarantine: rows that were not good enough, with their text and the reason';

-- name: next_run
-- The number of this copy. Taken first, so that rejects can name it.
SELECT nextval(pg_get_serial_sequence('penstock_ledger.copies', 'run')) AS run;

-- name: earlier
-- The last account of the same copy into the same table (a recreated table has another oid), and whether it
-- is still valid: no later copy replaced its rows.
SELECT
    l.*,
    NOT EXISTS (
        SELECT FROM penstock_ledger.copies AS later
        WHERE later.run > l.run AND later.target_oid = l.target_oid AND later.id <> l.id
    ) AS is_latest,
    NOT EXISTS (
        SELECT FROM penstock_ledger.copies AS later
        WHERE later.run > l.run AND later.target_oid = l.target_oid AND later.id <> l.id
            AND (later.plan ->> 'mode' = 'replace' OR later.plan -> 'interval' = l.plan -> 'interval')
    ) AS is_latest_of_interval,
    CASE WHEN l.rejected = 0 THEN 0 ELSE (
        -- Rows that a replay rejected again may have been replayed, too.
        WITH RECURSIVE replays AS (
            SELECT r.replayed_by AS id FROM penstock_ledger.rejects AS r
            WHERE r.run = l.run AND r.replayed_by IS NOT NULL
            UNION
            SELECT r.replayed_by
            FROM replays
            JOIN penstock_ledger.copies AS c USING (id)
            JOIN penstock_ledger.rejects AS r ON r.run = c.run AND r.replayed_by IS NOT NULL
        )
        SELECT coalesce(sum(c.loaded), 0)::bigint
        FROM replays JOIN penstock_ledger.copies AS c USING (id)
        WHERE c.target_oid = l.target_oid
    ) END AS replayed
FROM penstock_ledger.copies AS l
WHERE l.id = %(id)s AND l.target_oid = %(oid)s
ORDER BY l.run DESC
LIMIT 1;

-- name: loaded_files
-- Files that were copied into this table, and whose rows have not been replaced. Another selection of rows from the
-- same files does not count.
SELECT DISTINCT unnest(l.files) AS file
FROM penstock_ledger.copies AS l
WHERE l.target_oid = %(oid)s
    AND nullif(l.plan -> 'where', 'null') IS NOT DISTINCT FROM %(where)s::jsonb
    AND l.plan -> 'answers' ->> 'records' IS NOT DISTINCT FROM %(records)s
    AND l.run >= coalesce((
        SELECT max(r.run) FROM penstock_ledger.copies AS r
        WHERE r.target_oid = %(oid)s AND r.plan ->> 'mode' = 'replace'
    ), 0);

-- name: record
INSERT INTO penstock_ledger.copies (
    run, id, target, target_oid, plan, files, header, read, loaded, inserted, updated, unchanged, deleted,
    duplicates, rejected, filtered, rejects, seconds
) OVERRIDING SYSTEM VALUE VALUES (
    %(run)s, %(id)s, %(target)s, %(oid)s, %(plan)s, %(files)s, %(header)s, %(read)s, %(loaded)s, %(inserted)s,
    %(updated)s, %(unchanged)s, %(deleted)s, %(duplicates)s, %(rejected)s, %(filtered)s, %(rejects)s, %(seconds)s
);

-- name: reject
INSERT INTO penstock_ledger.rejects (run, file, line, raw, reason, "column", message)
VALUES (%(run)s, %(file)s, %(line)s, %(raw)s, %(reason)s, %(column)s, %(message)s);

-- name: reasons
SELECT reason, count(*) AS rows FROM penstock_ledger.rejects WHERE run = %(run)s GROUP BY reason ORDER BY reason;

-- name: examples
SELECT file, line, reason, message FROM penstock_ledger.rejects WHERE run = %(run)s ORDER BY file, line LIMIT 3;

-- name: unread
-- Rejects found by the server, whose text must be read from the source.
SELECT file, line FROM penstock_ledger.rejects WHERE run = %(run)s AND raw IS NULL;

-- name: fill
UPDATE penstock_ledger.rejects AS r SET raw = f.raw
FROM unnest(%(files)s::text[], %(lines)s::bigint[], %(raws)s::text[]) AS f(file, line, raw)
WHERE r.run = %(run)s AND r.file = f.file AND r.line = f.line AND r.raw IS NULL;

-- name: list
SELECT * FROM penstock_ledger.copies ORDER BY run DESC LIMIT %(limit)s;

-- name: find
-- Copies whose id has this prefix, latest first.
SELECT * FROM penstock_ledger.copies WHERE starts_with(id, %(id)s) ORDER BY run DESC;

-- name: quarantined
SELECT run, file, line, raw, reason, "column", message, replayed_by
FROM penstock_ledger.rejects
WHERE run = %(run)s
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(open)s IS FALSE OR replayed_by IS NULL)
ORDER BY file, line
LIMIT %(limit)s;

-- name: outstanding
-- Copies with rows in quarantine.
SELECT l.run, l.id, l.target, l.finished_at, r.reason, count(*) AS rows,
    count(*) FILTER (WHERE r.replayed_by IS NULL) AS open
FROM penstock_ledger.rejects AS r
JOIN penstock_ledger.copies AS l USING (run)
GROUP BY l.run, r.reason
ORDER BY l.run DESC, r.reason;

-- name: replayed
-- All open ones: rows that are still invalid are in the quarantine of the replay.
UPDATE penstock_ledger.rejects SET replayed_by = %(by)s WHERE run = %(run)s AND replayed_by IS NULL;
