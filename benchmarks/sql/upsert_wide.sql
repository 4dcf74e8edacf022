-- An incremental copy by hand: the target's half. The changed rows come over standard input.
BEGIN;
CREATE TEMPORARY TABLE delta (LIKE bench.by_hand) ON COMMIT DROP;
\copy delta FROM pstdin (FORMAT binary)
ANALYZE delta;
INSERT INTO bench.by_hand AS t SELECT * FROM delta
ON CONFLICT (id) DO UPDATE SET
    customer = excluded.customer, amount = excluded.amount, ordered_at = excluded.ordered_at, details = excluded.details,
    active = excluded.active, due = excluded.due, note = excluded.note, quantity = excluded.quantity,
    rate = excluded.rate, city = excluded.city, code = excluded.code;
COMMIT;
