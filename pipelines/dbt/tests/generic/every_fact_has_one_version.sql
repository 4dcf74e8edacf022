{#- Each fact joins exactly one version of the dimension, which is valid on the day of the fact. -#}
{% test every_fact_has_one_version(model, dimension, surrogate) %}
select facts.sale_id
from {{ model }} as facts
left join {{ dimension }} as versions
    on facts.{{ surrogate }} = versions.{{ surrogate }}
    and {{ valid_on('versions', "to_date(facts.date_key::text, 'YYYYMMDD')") }}
group by facts.sale_id
having count(versions.{{ surrogate }}) <> 1
{% endtest %}
