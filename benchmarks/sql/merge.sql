-- A merge by hand: the statement of that name.
BEGIN;
CREATE TEMPORARY TABLE delta (LIKE bench.sales_keyed) ON COMMIT DROP;
\copy delta FROM 'delta.csv' (FORMAT csv, HEADER)
ANALYZE delta;
MERGE INTO bench.sales_keyed AS t USING delta AS d ON t.sale_id = d.sale_id
WHEN MATCHED AND t.* IS DISTINCT FROM d.* THEN UPDATE SET
    product_id = d.product_id, product_name = d.product_name, brand = d.brand, category = d.category,
    retailer_id = d.retailer_id, retailer_name = d.retailer_name, location = d.location, quantity = d.quantity,
    price = d.price, sold_on = d.sold_on
WHEN NOT MATCHED THEN INSERT VALUES (
    d.sale_id, d.product_id, d.product_name, d.brand, d.category, d.retailer_id, d.retailer_name, d.location,
    d.quantity, d.price, d.sold_on
);
COMMIT;
