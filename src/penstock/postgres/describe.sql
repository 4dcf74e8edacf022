-- name: describe
-- The types of a query's columns, as in the row description, which names the base type of a domain.
SELECT
    t.typname AS base,
    t.typtype AS typtype,
    pg_catalog.format_type(c.oid, nullif(c.typmod, -1)) AS type
FROM unnest(%(oids)s::oid[], %(typmods)s::integer[]) WITH ORDINALITY AS c(oid, typmod, place)
JOIN pg_catalog.pg_type AS t ON t.oid = c.oid
ORDER BY c.place;

-- name: measure
-- The digits that an unconstrained numeric column needs before and after the point, and whether every
-- value is a number.
SELECT
    coalesce(max(length(trunc(abs(v))::text)) FILTER (WHERE v NOT IN ('NaN', 'Infinity', '-Infinity')), 1) AS whole,
    coalesce(max(scale(v)), 0) AS scale,
    coalesce(bool_or(v IN ('NaN', 'Infinity', '-Infinity')), false) AS special
FROM (SELECT {column} AS v FROM ({select}) AS s) AS m;
