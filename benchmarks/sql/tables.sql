-- The same table twice: as it is, and with its primary key in place.
CREATE SCHEMA bench;

CREATE TABLE bench.sales (
    sale_id bigint NOT NULL,
    product_id integer NOT NULL,
    product_name varchar(60) NOT NULL,
    brand varchar(40) NOT NULL,
    category text NOT NULL,
    retailer_id integer NOT NULL,
    retailer_name text NOT NULL,
    location text,
    quantity smallint NOT NULL,
    price numeric(10, 2) NOT NULL,
    sold_on date NOT NULL
);

CREATE TABLE bench.sales_keyed (LIKE bench.sales, PRIMARY KEY (sale_id));
