{{ history(
    key='category_code',
    attributes=['category_name'],
    surrogate='category_key',
    relation=ref('stg_sales'),
) }}
