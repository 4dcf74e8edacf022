-- Hours and earnings of each employee from January 1 to the day, inclusive.
create or replace view daily_operations.ytd_labor_metrics as
select
    date '{{ ds }}' as as_of,
    btrim(employee_name)::varchar(80) as employee_name,
    count(distinct labor_date) as days_worked,
    sum(hours_worked)::numeric(12, 2) as hours_worked,
    sum(pre_tax_earnings)::numeric(14, 2) as pre_tax_earnings,
    coalesce(sum(post_tax_earnings), 0)::numeric(14, 2) as post_tax_earnings
from daily_operations.labor
where labor_date between date_trunc('year', date '{{ ds }}')::date and date '{{ ds }}'
group by btrim(employee_name);
