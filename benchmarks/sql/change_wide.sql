-- A day's work at the source: :changed rows are changed and :new ones are new, all later than any row before.
UPDATE bench.wide AS t SET note = 'changed ' || :turn, quantity = quantity + 1, ordered_at = m.last + i * interval '1 ms'
FROM (SELECT max(ordered_at) AS last, max(id) AS high FROM bench.wide) AS m, generate_series(1, :changed::int) AS i
WHERE t.id = 1 + (i::bigint * 7919 + :turn) % (:rows::bigint);
INSERT INTO bench.wide
SELECT m.high + i, customer, amount, m.last + i * interval '1 ms', details, active, due, note, quantity, rate, city, code
FROM (SELECT max(ordered_at) AS last, max(id) AS high FROM bench.wide) AS m
CROSS JOIN generate_series(1, :new::int) AS i JOIN bench.wide AS t ON t.id = i;
