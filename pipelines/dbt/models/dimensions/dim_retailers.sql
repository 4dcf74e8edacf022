{{ history(
    key='retailer_id',
    attributes=['retailer_name'],
    surrogate='retailer_key',
    relation=ref('stg_sales'),
) }}
