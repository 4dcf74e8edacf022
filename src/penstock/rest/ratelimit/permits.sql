-- One row for each call that the limit allows at once: its holder may make one call, and the row is taken until free_at.
-- Only the server's clock is used. See docs/decisions/0050.

-- name: exists
SELECT to_regclass('penstock_ledger.permits') IS NOT NULL AND to_regclass('penstock_ledger.pauses') IS NOT NULL AS there;

-- name: create
CREATE TABLE IF NOT EXISTS penstock_ledger.permits (
    api text NOT NULL,
    slot int NOT NULL,
    free_at timestamptz NOT NULL,
    holder uuid,
    PRIMARY KEY (api, slot)
) WITH (fillfactor = 50);
COMMENT ON TABLE penstock_ledger.permits IS 'Rate limits that several processes share; api is a hash of address and credential';
CREATE TABLE IF NOT EXISTS penstock_ledger.pauses (api text PRIMARY KEY, until timestamptz NOT NULL);
COMMENT ON TABLE penstock_ledger.pauses IS 'No calls before this time, at the request of the API';

-- name: fill
INSERT INTO penstock_ledger.permits (api, slot, free_at)
SELECT %(api)s, slot, '-infinity' FROM generate_series(0, %(calls)s - 1) AS slot
ON CONFLICT DO NOTHING;

-- name: forget_future
-- Times that are further ahead than any call can set them are from before the server's clock was set back.
WITH permits AS (
    UPDATE penstock_ledger.permits
    SET free_at = clock_timestamp() + make_interval(secs => %(per_s)s)
    WHERE api = %(api)s AND free_at > clock_timestamp() + make_interval(secs => %(furthest_s)s)
)
DELETE FROM penstock_ledger.pauses
WHERE api = %(api)s AND until > clock_timestamp() + make_interval(secs => %(furthest_s)s);

-- name: give_back
-- A call may count until its answer arrived, ago_s seconds ago. An unused permit is free at once. A permit whose lease
-- has expired may have another holder by now.
UPDATE penstock_ledger.permits AS p
SET holder = NULL,
    free_at = CASE
        WHEN used.ago_s IS NULL THEN '-infinity'
        ELSE clock_timestamp() + make_interval(secs => %(per_s)s - used.ago_s)
    END
FROM unnest(%(slots)s::int[], %(ago_s)s::float8[]) AS used (slot, ago_s)
WHERE p.api = %(api)s AND p.slot = used.slot AND p.holder = %(holder)s;

-- name: take
UPDATE penstock_ledger.permits AS p
SET holder = %(holder)s, free_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE p.api = %(api)s AND p.slot IN (
    SELECT f.slot
    FROM penstock_ledger.permits AS f
    WHERE f.api = %(api)s AND f.slot < %(calls)s AND f.free_at <= clock_timestamp()
        AND NOT EXISTS (
            SELECT FROM penstock_ledger.pauses AS w WHERE w.api = %(api)s AND w.until > clock_timestamp()
        )
    ORDER BY f.free_at, f.slot
    LIMIT %(wanted)s
    FOR UPDATE SKIP LOCKED
)
RETURNING p.slot;

-- name: wait
-- Seconds until the next permit is free.
SELECT extract(epoch FROM greatest(
    (SELECT min(free_at) FROM penstock_ledger.permits WHERE api = %(api)s AND slot < %(calls)s),
    (SELECT until FROM penstock_ledger.pauses WHERE api = %(api)s)
) - clock_timestamp())::float8 AS wait_s;

-- name: pause
INSERT INTO penstock_ledger.pauses AS p (api, until)
VALUES (%(api)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (api) DO UPDATE SET until = greatest(p.until, excluded.until);

-- name: lock
SELECT pg_try_advisory_lock(%(number)s) AS mine;
