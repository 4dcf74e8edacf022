{#- A key that depends only on the given parts: it is the same on every build, whatever the order of the rows.
    Parts must not be null. The length before each part distinguishes ('a|b', 'c') from ('a', 'b|c'). -#}
{% macro surrogate_key(parts) -%}
    md5({% for part in parts %}{% if not loop.first %} || {% endif %}length(({{ part }})::text) || ':' || ({{ part }})::text{% endfor %})::uuid
{%- endmacro %}
