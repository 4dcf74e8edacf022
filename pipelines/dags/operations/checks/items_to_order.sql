-- The view holds as many items as the table asks for, all of this day and without repetition.
select
    (select count(*) from daily_operations.items_to_order)
    = (select count(*) from daily_operations.inventory where inventory_date = date '{{ ds }}' and order_more)
    as all_items,
    (select count(*) = count(distinct (location_name, item_name)) from daily_operations.items_to_order) as items_once,
    (select coalesce(bool_and(inventory_date = date '{{ ds }}'), true) from daily_operations.items_to_order)
    as this_day;
