{{ history(
    key='brand_code',
    attributes=['brand_name'],
    surrogate='brand_key',
    relation=ref('stg_sales'),
) }}
