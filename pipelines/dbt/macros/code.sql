{#- A code that is equal for different spellings of a name: `Blue  Ridge` and `BLUE RIDGE` are the same brand. -#}
{% macro code(name) -%}
    lower(btrim(regexp_replace({{ name }}, '\s+', ' ', 'g')))
{%- endmacro %}
