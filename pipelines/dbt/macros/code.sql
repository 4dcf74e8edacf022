{#- What spellings of one name have in common: `Blue  Ridge` and `BLUE RIDGE` are one brand, written two ways. -#}
{% macro code(name) -%}
    lower(btrim(regexp_replace({{ name }}, '\s+', ' ', 'g')))
{%- endmacro %}
