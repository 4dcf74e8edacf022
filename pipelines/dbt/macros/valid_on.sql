{#- Whether a version of a type-2 dimension was valid on a day. -#}
{% macro valid_on(dimension, day) -%}
    {{ dimension }}.valid_from <= {{ day }} and ({{ dimension }}.valid_to is null or {{ day }} < {{ dimension }}.valid_to)
{%- endmacro %}
