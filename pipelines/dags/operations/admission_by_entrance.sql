-- Tickets and gross revenue of the day by entrance. Free tickets have no price; returned tickets have a negative quantity.
create or replace view daily_operations.admission_by_entrance as
select
    admission_date,
    btrim(entrance_name)::varchar(80) as entrance_name,
    sum(quantity_sold)::bigint as tickets_sold,
    coalesce(sum(quantity_sold * ticket_price), 0)::numeric(14, 2) as gross_revenue
from daily_operations.guest_attendance
where admission_date = date '{{ ds }}'
group by admission_date, btrim(entrance_name);
