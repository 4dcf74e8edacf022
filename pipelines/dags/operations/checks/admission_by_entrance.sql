-- Each of the day's entrances appears once; tickets and revenue equal those of the table.
with rows_of_the_day as (
    select * from daily_operations.guest_attendance where admission_date = date '{{ ds }}'
)

select
    (select count(*) = count(distinct entrance_name) from daily_operations.admission_by_entrance) as entrances_once,
    (select count(*) from daily_operations.admission_by_entrance)
    = (select count(distinct btrim(entrance_name)) from rows_of_the_day) as all_entrances,
    (select coalesce(sum(tickets_sold), 0) from daily_operations.admission_by_entrance)
    = (select coalesce(sum(quantity_sold), 0) from rows_of_the_day) as all_tickets,
    (select coalesce(sum(gross_revenue), 0) from daily_operations.admission_by_entrance)
    = (select coalesce(sum(quantity_sold * ticket_price), 0) from rows_of_the_day) as all_revenue,
    (select coalesce(bool_and(admission_date = date '{{ ds }}'), true) from daily_operations.admission_by_entrance)
    as this_day;
