{#- Each key has exactly one current version: the version without an end. -#}
{% test one_current_version(model, key) %}
select {{ key }}
from {{ model }}
group by {{ key }}
having count(*) filter (where is_current) <> 1 or bool_or(is_current <> (valid_to is null))
{% endtest %}
