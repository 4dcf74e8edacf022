{#- A key that is a pure function of what it stands for: the same on every build, in whatever order rows arrive.
    Parts must not be null. The length before each part keeps ('a|b', 'c') and ('a', 'b|c') apart. -#}
{% macro surrogate_key(parts) -%}
    md5({% for part in parts %}{% if not loop.first %} || {% endif %}length(({{ part }})::text) || ':' || ({{ part }})::text{% endfor %})::uuid
{%- endmacro %}
