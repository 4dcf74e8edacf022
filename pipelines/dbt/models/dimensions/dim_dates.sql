with

bounds as (

    select
        date_trunc('year', min(sold_on)) as first_day,
        date_trunc('year', max(sold_on)) + interval '1 year' - interval '1 day' as last_day
    from {{ ref('stg_sales') }}

),

days as (

    select generate_series(first_day, last_day, interval '1 day')::date as day
    from bounds

)

select
    to_char(day, 'YYYYMMDD')::integer as date_key,
    day,
    extract(year from day)::integer as year,
    extract(quarter from day)::integer as quarter,
    extract(month from day)::integer as month,
    to_char(day, 'YYYY-MM') as year_month,
    extract(isodow from day)::integer as day_of_week,
    extract(isodow from day) in (6, 7) as is_weekend
from days
