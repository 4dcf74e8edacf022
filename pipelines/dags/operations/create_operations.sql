-- The tables that the park's systems write and the views read. Names are typed by hand; a price may be missing.
create schema if not exists daily_operations;

create table if not exists daily_operations.guest_attendance (
    admission_date date not null,
    entrance_name varchar(80) not null,
    quantity_sold integer not null,
    ticket_price numeric(8, 2),
    constraint guest_attendance_price_not_negative check (ticket_price >= 0)
);

create table if not exists daily_operations.inventory (
    inventory_date date not null,
    item_name varchar(80) not null,
    location_name varchar(80) not null,
    quantity_on_hand integer not null,
    order_more boolean
);

create table if not exists daily_operations.item_sales (
    sales_date date not null,
    location_name varchar(80) not null,
    item_name varchar(80) not null,
    quantity_sold integer not null,
    item_price numeric(8, 2),
    constraint item_sales_price_not_negative check (item_price >= 0)
);

create table if not exists daily_operations.labor (
    labor_date date not null,
    employee_name varchar(80) not null,
    hours_worked numeric(5, 2) not null,
    pre_tax_earnings numeric(10, 2) not null,
    post_tax_earnings numeric(10, 2),
    constraint labor_hours_within_a_day check (hours_worked between 0 and 24)
);

create index if not exists guest_attendance_date on daily_operations.guest_attendance (admission_date);
create index if not exists inventory_date on daily_operations.inventory (inventory_date);
create index if not exists item_sales_date on daily_operations.item_sales (sales_date);
create index if not exists labor_date on daily_operations.labor (labor_date);
