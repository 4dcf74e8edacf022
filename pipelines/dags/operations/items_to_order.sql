-- The items that each location asked for on the day. If the stock was not checked (order_more is null), none are ordered.
create or replace view daily_operations.items_to_order as
select
    inventory_date,
    btrim(location_name)::varchar(80) as location_name,
    item_name,
    quantity_on_hand
from daily_operations.inventory
where inventory_date = date '{{ ds }}' and order_more;
