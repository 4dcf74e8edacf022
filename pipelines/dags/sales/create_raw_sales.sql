-- The raw table of sales. It is the contract for the copy: rows that violate it go to quarantine.
create schema if not exists raw;

create table if not exists raw.sales (
    sale_id bigint not null,
    product_id integer not null,
    product_name varchar(80) not null,
    brand varchar(40) not null,
    category varchar(40) not null,
    retailer_id integer not null,
    retailer_name varchar(80) not null,
    channel varchar(20) not null,
    location varchar(80),
    quantity integer not null,
    price numeric(12, 2) not null,
    date date not null,
    -- The key of a partitioned table must include the partition column. Ids are unique across days: the copy merges
    -- on sale_id alone, and moves a sale if its day was corrected.
    constraint sales_pkey primary key (sale_id, date),
    constraint sales_quantity_positive check (quantity > 0),
    constraint sales_price_not_negative check (price >= 0),
    constraint sales_channel_known check (channel in ('Online', 'Offline')),
    constraint sales_location_unless_online check (channel = 'Online' or location is not null)
) partition by range (date);

-- The copy creates the monthly partitions that its rows need.
create index if not exists sales_product_id on raw.sales (product_id);
create index if not exists sales_retailer_id on raw.sales (retailer_id);
create index if not exists sales_date on raw.sales (date);
