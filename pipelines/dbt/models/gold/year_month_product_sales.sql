{{ config(
    materialized='incremental',
    incremental_strategy='mirror',
    unique_key=['year', 'month', 'product_id'],
    on_schema_change='fail',
) }}

with

sales as (

    select
        dates.year,
        dates.month,
        products.product_id,
        products.product_name,
        products.valid_from,
        facts.quantity,
        facts.price
    from {{ ref('fct_sales') }} as facts
    inner join {{ ref('dim_dates') }} as dates
        on facts.date_key = dates.date_key
    inner join {{ ref('dim_products') }} as products
        on facts.product_key = products.product_key

)

select
    year,
    month,
    product_id,
    -- The product's last name in the month; a product has one version per day.
    (array_agg(product_name order by valid_from desc))[1] as product_name,
    count(*) as sales,
    sum(quantity) as quantity,
    sum(price)::numeric(18, 2) as revenue,
    round(sum(price) / sum(quantity), 4)::numeric(18, 4) as average_unit_price
from sales
group by year, month, product_id
