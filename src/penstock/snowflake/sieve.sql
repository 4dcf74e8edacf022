-- Rows that the table cannot take, found by the server. Values are quoted by the caller: an INSERT from a SELECT
-- with column names in it does not accept the connector's parameters.

-- name: reject
-- The first failed test is the reason. The row's position in its file is unknown; LINE counts the file's rejects.
INSERT INTO PENSTOCK_LEDGER.REJECTS (ID, TARGET, FILE, LINE, RAW, REASON, FIELD, MESSAGE)
SELECT {id}, {target}, {file}, ROW_NUMBER() OVER (ORDER BY J.PENSTOCK_RAW), J.PENSTOCK_RAW, T.REASON, T.FIELD, T.MESSAGE
FROM (SELECT {raw} AS PENSTOCK_RAW, {verdict} AS PENSTOCK_VERDICT FROM {sieve}) AS J
JOIN (VALUES {tests}) AS T (TEST, REASON, FIELD, MESSAGE) ON T.TEST = J.PENSTOCK_VERDICT;

-- name: pass
INSERT INTO {table} ({columns}) SELECT {values} FROM {sieve} WHERE {verdict} IS NULL;
