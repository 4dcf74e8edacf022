-- Rows that the table cannot take, told apart by the server itself. Values are quoted by the caller: an INSERT from a SELECT
-- with names of columns in it is no place for the connector's own parameters.

-- name: reject
-- The first test that a row fails decides. Which row of its file it was is not known; LINE counts the file's rejects.
INSERT INTO PENSTOCK_LEDGER.REJECTS (ID, TARGET, FILE, LINE, RAW, REASON, FIELD, MESSAGE)
SELECT {id}, {target}, {file}, ROW_NUMBER() OVER (ORDER BY J.PENSTOCK_RAW), J.PENSTOCK_RAW, T.REASON, T.FIELD, T.MESSAGE
FROM (SELECT {raw} AS PENSTOCK_RAW, {verdict} AS PENSTOCK_VERDICT FROM {sieve}) AS J
JOIN (VALUES {tests}) AS T (TEST, REASON, FIELD, MESSAGE) ON T.TEST = J.PENSTOCK_VERDICT;

-- name: pass
INSERT INTO {table} ({columns}) SELECT {values} FROM {sieve} WHERE {verdict} IS NULL;
