-- Each table has rows of the day: at least a share of the usual number, which is the median of the seven days before.
-- A share of 0 accepts any number of rows, also none.
{%- set days = {
    "guest_attendance": "admission_date",
    "inventory": "inventory_date",
    "item_sales": "sales_date",
    "labor": "labor_date",
} %}
select
{%- for table, day in days.items() %}
    (
        select
            coalesce(max(number) filter (where day = date '{{ ds }}'), 0)
            >= {{ var.value.operations_min_volume | float }} * coalesce(
                percentile_cont(0.5) within group (order by number) filter (where day < date '{{ ds }}'), 1
            )
        from (
            select {{ day }} as day, count(*) as number
            from daily_operations.{{ table }}
            where {{ day }} between date '{{ ds }}' - 7 and date '{{ ds }}'
            group by {{ day }}
        ) as volumes
    ) as {{ table }}{{ "" if loop.last else "," }}
{%- endfor %};
