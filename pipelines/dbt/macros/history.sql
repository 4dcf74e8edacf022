{#- Type-2 history of an entity, derived from the dates of the sales that mention it.

    A version is valid from the first sale with its attributes until the first sale with others: `valid_to` is the day
    of that sale, so `valid_from <= day < valid_to`. It is null for the current version. If sales of one day disagree,
    the sale with the greatest id wins. The history depends on the sales only, so late, corrected, moved or deleted
    sales produce the same history as if they had been right from the start. A snapshot would record the day of its own
    run instead. -#}
{% macro history(key, attributes, surrogate, relation) %}
with

days as (

    select distinct on ({{ key }}, sold_on)
        {{ key }},
        sold_on,
        {{ attributes | join(', ') }}
    from {{ relation }}
    order by {{ key }}, sold_on, sale_id desc

),

compared as (

    select
        *,
        lag(sold_on) over days_of_one is null
        {%- for attribute in attributes %}
        or {{ attribute }} is distinct from lag({{ attribute }}) over days_of_one
        {%- endfor %} as is_change
    from days
    window days_of_one as (partition by {{ key }} order by sold_on)

),

versions as (

    select
        *,
        lead(sold_on) over (partition by {{ key }} order by sold_on) as valid_to
    from compared
    where is_change

)

select
    {{ surrogate_key([key, "to_char(sold_on, 'YYYY-MM-DD')"]) }} as {{ surrogate }},
    {{ key }},
    {{ attributes | join(',\n    ') }},
    sold_on as valid_from,
    valid_to,
    valid_to is null as is_current
from versions
{% endmacro %}
