{#- Type-2 history of an entity, derived from the dates of the sales that mention it.

    A version holds from the first sale with these attributes until the first with others; `valid_to` is that day,
    so `valid_from <= day < valid_to`, and null where the version is current. Where sales of one day disagree, the
    one with the greatest id has the last word. Because nothing but the sales decides, sales that come late or are
    corrected, moved or deleted give the history that they would have given in time; a snapshot would record the day
    of its own run instead. -#}
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
