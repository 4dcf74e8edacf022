{#- Two relations have the same totals of sales, units and money. `count` is the number of sales per row of `model`. -#}
{% test same_totals(model, other, count, quantity, amount, other_amount=none) %}
with

here as (

    select
        coalesce(sum({{ count }}), 0) as sales,
        coalesce(sum({{ quantity }}), 0) as quantity,
        coalesce(sum({{ amount }}), 0) as amount
    from {{ model }}

),

there as (

    select
        count(*) as sales,
        coalesce(sum({{ quantity }}), 0) as quantity,
        coalesce(sum({{ other_amount or amount }}), 0) as amount
    from {{ other }}

)

select here.*, there.*
from here
cross join there
where (here.sales, here.quantity, here.amount) is distinct from (there.sales, there.quantity, there.amount)
{% endtest %}
