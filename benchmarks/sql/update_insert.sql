-- A merge by hand: change what is there and differs, then add what is not.
BEGIN;
CREATE TEMPORARY TABLE delta (LIKE bench.sales_keyed) ON COMMIT DROP;
\copy delta FROM 'delta.csv' (FORMAT csv, HEADER)
ANALYZE delta;
UPDATE bench.sales_keyed AS t SET
    product_id = d.product_id, product_name = d.product_name, brand = d.brand, category = d.category,
    retailer_id = d.retailer_id, retailer_name = d.retailer_name, location = d.location, quantity = d.quantity,
    price = d.price, sold_on = d.sold_on
FROM delta AS d
WHERE t.sale_id = d.sale_id AND t.* IS DISTINCT FROM d.*;
INSERT INTO bench.sales_keyed
SELECT d.* FROM delta AS d WHERE NOT EXISTS (SELECT FROM bench.sales_keyed AS t WHERE t.sale_id = d.sale_id);
COMMIT;
