{#- Versions of one key never overlap, leave no gap, and end after they begin. -#}
{% test no_overlapping_validity(model, key) %}
select *
from (
    select
        {{ key }},
        valid_from,
        valid_to,
        lead(valid_from) over (partition by {{ key }} order by valid_from) as next_from
    from {{ model }}
) as versions
where valid_to is distinct from next_from or valid_to <= valid_from
{% endtest %}
