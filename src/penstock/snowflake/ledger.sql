-- The account of loads, in the database that holds the tables. Snowflake ends a transaction at every CREATE, so these
-- come before it.

-- name: made
-- The existing tables of the ledger: CREATE … IF NOT EXISTS requires the privilege even if they exist.
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PENSTOCK_LEDGER';

-- name: create_copies
CREATE TABLE IF NOT EXISTS PENSTOCK_LEDGER.COPIES (
    ID VARCHAR NOT NULL,
    TARGET VARCHAR NOT NULL,
    SOURCE VARCHAR NOT NULL,
    MODE VARCHAR NOT NULL,
    STRETCH VARCHAR,
    PLAN VARCHAR NOT NULL,
    READ_ROWS NUMBER(38,0) NOT NULL,
    LOADED_ROWS NUMBER(38,0) NOT NULL,
    REJECTED_ROWS NUMBER(38,0) NOT NULL,
    DELETED_ROWS NUMBER(38,0) NOT NULL,
    SECONDS FLOAT NOT NULL,
    FINISHED_AT TIMESTAMP_TZ NOT NULL
);

-- name: create_rejects
CREATE TABLE IF NOT EXISTS PENSTOCK_LEDGER.REJECTS (
    ID VARCHAR NOT NULL,
    TARGET VARCHAR NOT NULL,
    FILE VARCHAR NOT NULL,
    LINE NUMBER(38,0) NOT NULL,
    RAW VARCHAR NOT NULL,
    REASON VARCHAR NOT NULL,
    FIELD VARCHAR,
    MESSAGE VARCHAR NOT NULL
);

-- name: create_turns
CREATE TABLE IF NOT EXISTS PENSTOCK_LEDGER.TURNS (TARGET VARCHAR NOT NULL, TURN NUMBER(38,0) NOT NULL);

-- name: enter
-- A row for each target, which loads take turns by.
INSERT INTO PENSTOCK_LEDGER.TURNS (TARGET, TURN)
SELECT %(target)s, 0 WHERE NOT EXISTS (SELECT 1 FROM PENSTOCK_LEDGER.TURNS WHERE TARGET = %(target)s);

-- name: take_turn
-- Another load into this target waits here until this one is committed, and then sees what it left.
UPDATE PENSTOCK_LEDGER.TURNS SET TURN = TURN + 1 WHERE TARGET = %(target)s;

-- name: earlier
-- The last accounts for this target, the latest first.
SELECT ID, MODE, STRETCH, READ_ROWS, LOADED_ROWS, REJECTED_ROWS, DELETED_ROWS, SECONDS
FROM PENSTOCK_LEDGER.COPIES WHERE TARGET = %(target)s ORDER BY FINISHED_AT DESC;

-- name: record
INSERT INTO PENSTOCK_LEDGER.COPIES (
    ID, TARGET, SOURCE, MODE, STRETCH, PLAN, READ_ROWS, LOADED_ROWS, REJECTED_ROWS, DELETED_ROWS, SECONDS, FINISHED_AT
)
SELECT
    %(id)s, %(target)s, %(source)s, %(mode)s, %(stretch)s, %(plan)s, %(read)s, %(loaded)s, %(rejected)s, %(deleted)s,
    %(seconds)s, CURRENT_TIMESTAMP();

-- name: forget_rejects
DELETE FROM PENSTOCK_LEDGER.REJECTS WHERE ID = %(id)s AND TARGET = %(target)s;

-- name: reasons
SELECT REASON, COUNT(*) FROM PENSTOCK_LEDGER.REJECTS WHERE ID = %(id)s AND TARGET = %(target)s GROUP BY REASON
ORDER BY REASON;

-- name: examples
SELECT FILE || ':', REASON, FIELD || ':', MESSAGE || ':', RAW FROM PENSTOCK_LEDGER.REJECTS
WHERE ID = %(id)s AND TARGET = %(target)s ORDER BY FILE, LINE LIMIT 3;

-- name: kept_rejects
SELECT FILE, LINE, RAW, REASON, FIELD, MESSAGE FROM PENSTOCK_LEDGER.REJECTS
WHERE ID = %(id)s AND TARGET = %(target)s ORDER BY FILE, LINE;
