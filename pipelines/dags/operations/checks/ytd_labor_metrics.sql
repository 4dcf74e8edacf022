-- Each employee appears once; hours and earnings from January 1 to the day equal those of the table.
with rows_of_the_year as (
    select *
    from daily_operations.labor
    where extract(year from labor_date) = extract(year from date '{{ ds }}') and labor_date <= date '{{ ds }}'
)

select
    (select count(*) from daily_operations.ytd_labor_metrics)
    = (select count(distinct btrim(employee_name)) from rows_of_the_year) as employees_once,
    (select coalesce(sum(hours_worked), 0) from daily_operations.ytd_labor_metrics)
    = (select coalesce(sum(hours_worked), 0) from rows_of_the_year) as all_hours,
    (select coalesce(sum(pre_tax_earnings), 0) from daily_operations.ytd_labor_metrics)
    = (select coalesce(sum(pre_tax_earnings), 0) from rows_of_the_year) as all_earnings,
    (select coalesce(sum(post_tax_earnings), 0) from daily_operations.ytd_labor_metrics)
    = (select coalesce(sum(post_tax_earnings), 0) from rows_of_the_year) as all_net_earnings,
    (select coalesce(bool_and(as_of = date '{{ ds }}'), true) from daily_operations.ytd_labor_metrics) as this_day;
