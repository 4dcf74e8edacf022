-- Twelve columns of mixed types, the same rows wherever it runs. :rows says how many.
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.wide (
    id bigint PRIMARY KEY,
    customer text NOT NULL,
    amount numeric(12, 2),
    ordered_at timestamptz NOT NULL,
    details jsonb,
    active boolean,
    due date,
    note text,
    quantity integer,
    rate double precision,
    city varchar(40),
    code bigint
);
INSERT INTO bench.wide
SELECT
    i,
    'customer ' || i * 7919 % 100003,
    i * 37 % 1000000 / 100.0,
    timestamptz '2013-02-01 00:00:00Z' + i * interval '0.481927 s',
    jsonb_build_object('k', i % 97, 't', 'x' || i % 11),
    CASE WHEN i % 7 > 0 THEN i % 3 = 0 END,
    date '2013-02-01' + (i % 28)::integer,
    CASE WHEN i % 5 > 0 THEN md5(i::text) END,
    i % 1000,
    i / 7.0::double precision,
    'city ' || i % 500,
    i * 1000003
FROM generate_series(1, :rows::bigint) AS i;
VACUUM (FREEZE, ANALYZE) bench.wide;
