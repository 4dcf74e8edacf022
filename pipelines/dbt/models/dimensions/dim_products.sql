{{ history(
    key='product_id',
    attributes=['product_name', 'brand_code', 'category_code'],
    surrogate='product_key',
    relation=ref('stg_sales'),
) }}
