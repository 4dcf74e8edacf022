-- Every location with sales has a best seller, the view holds only best sellers, and no other item sold more.
with sold as (
    select btrim(location_name) as location_name, item_name, sum(quantity_sold) as quantity_sold
    from daily_operations.item_sales
    where sales_date = date '{{ ds }}'
    group by btrim(location_name), item_name
)

select
    (select count(distinct location_name) from daily_operations.top_selling_items_by_location)
    = (select count(distinct location_name) from sold) as all_locations,
    (select coalesce(bool_and(sales_rank = 1), true) from daily_operations.top_selling_items_by_location)
    as only_firsts,
    not exists (
        select 1
        from daily_operations.top_selling_items_by_location as top
        join sold using (location_name)
        where sold.quantity_sold > top.quantity_sold
    ) as nothing_sold_more,
    (
        select coalesce(bool_and(sales_date = date '{{ ds }}'), true)
        from daily_operations.top_selling_items_by_location
    ) as this_day;
