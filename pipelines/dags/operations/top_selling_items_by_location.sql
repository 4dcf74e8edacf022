-- The best-selling item of each location on the day; several in case of a tie.
create or replace view daily_operations.top_selling_items_by_location as
with sold as (
    select
        sales_date,
        btrim(location_name)::varchar(80) as location_name,
        item_name,
        sum(quantity_sold)::bigint as quantity_sold,
        coalesce(sum(quantity_sold * item_price), 0)::numeric(14, 2) as revenue
    from daily_operations.item_sales
    where sales_date = date '{{ ds }}'
    group by sales_date, btrim(location_name), item_name
),

ranked as (
    select
        sold.*,
        rank() over (partition by location_name order by quantity_sold desc) as sales_rank
    from sold
)

select sales_date, location_name, item_name, quantity_sold, revenue, sales_rank
from ranked
where sales_rank = 1;
