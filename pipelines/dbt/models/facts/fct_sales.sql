{{ config(
    materialized='incremental',
    incremental_strategy='mirror',
    unique_key='sale_id',
    on_schema_change='fail',
) }}

with

sales as (

    select * from {{ ref('stg_sales') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

brands as (

    select * from {{ ref('dim_brands') }}

),

categories as (

    select * from {{ ref('dim_categories') }}

),

retailers as (

    select * from {{ ref('dim_retailers') }}

)

select
    sales.sale_id,
    dates.date_key,
    products.product_key,
    brands.brand_key,
    categories.category_key,
    retailers.retailer_key,
    sales.channel,
    sales.location,
    sales.quantity,
    sales.price,
    round(sales.price / sales.quantity, 4)::numeric(16, 4) as unit_price
from sales
inner join {{ ref('dim_dates') }} as dates
    on sales.sold_on = dates.day
inner join products
    on sales.product_id = products.product_id and {{ valid_on('products', 'sales.sold_on') }}
inner join brands
    on sales.brand_code = brands.brand_code and {{ valid_on('brands', 'sales.sold_on') }}
inner join categories
    on sales.category_code = categories.category_code and {{ valid_on('categories', 'sales.sold_on') }}
inner join retailers
    on sales.retailer_id = retailers.retailer_id and {{ valid_on('retailers', 'sales.sold_on') }}
