-- name: delete_absent
-- Rows of these ranges of hashed keys that the source no longer has.
DELETE FROM {target} AS compared USING unnest({ranges}::bigint[]) AS wanted(hashed_range)
WHERE wanted.hashed_range = ({key_hash}) >> {shift}
    AND NOT EXISTS (SELECT FROM penstock_stage AS s WHERE {match});
