-- How many rows a table holds, and a sum over every value of every row, whatever their order.
SELECT count(*) || ' rows, checksum ' || sum(hashtextextended(s::text, 0)::numeric) FROM :table AS s;
