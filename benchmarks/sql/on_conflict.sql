-- A merge by hand: the upsert.
BEGIN;
CREATE TEMPORARY TABLE delta (LIKE bench.sales_keyed) ON COMMIT DROP;
\copy delta FROM 'delta.csv' (FORMAT csv, HEADER)
ANALYZE delta;
INSERT INTO bench.sales_keyed AS t SELECT * FROM delta
ON CONFLICT (sale_id) DO UPDATE SET
    product_id = excluded.product_id, product_name = excluded.product_name, brand = excluded.brand,
    category = excluded.category, retailer_id = excluded.retailer_id, retailer_name = excluded.retailer_name,
    location = excluded.location, quantity = excluded.quantity, price = excluded.price, sold_on = excluded.sold_on
WHERE t.* IS DISTINCT FROM excluded.*;
COMMIT;
