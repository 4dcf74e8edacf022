with

source as (

    select * from {{ source('raw', 'sales') }}

)

select
    sale_id,
    product_id,
    btrim(product_name)::text as product_name,
    {{ code('brand') }} as brand_code,
    btrim(brand)::text as brand_name,
    {{ code('category') }} as category_code,
    btrim(category)::text as category_name,
    retailer_id,
    btrim(retailer_name)::text as retailer_name,
    channel::text as channel,
    btrim(location)::text as location,
    quantity,
    price,
    date as sold_on
from source
