{#- Incremental strategy `mirror`: makes the table equal to the model's result and writes only the rows that differ.
    It deletes rows that the result no longer has, and replaces rows that changed.

    It reads and compares all rows, so it finds every kind of change: late rows, corrected rows, rows that moved to
    another day or were deleted, and rows whose dimension version changed although they did not change themselves. A
    filter by load time finds the first two only. A model needs no `is_incremental()` branch, so its incremental and
    full builds always agree. -#}
{% macro get_incremental_mirror_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set result = arg_dict["temp_relation"] -%}
    {%- set keys = arg_dict["unique_key"] -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | list -%}

    analyze {{ result }};

    delete from {{ target }} as held
    where not exists (
        select 1 from {{ result }} as fresh
        where {% for key in keys %}fresh.{{ key }} = held.{{ key }} and {% endfor %}
            ({{ prefixed("fresh", columns) }}) is not distinct from ({{ prefixed("held", columns) }})
    );

    insert into {{ target }} ({{ columns | join(", ") }})
    select {{ columns | join(", ") }} from {{ result }} as fresh
    where not exists (
        select 1 from {{ target }} as held
        where {% for key in keys %}fresh.{{ key }} = held.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
    )
{% endmacro %}

{% macro prefixed(alias, columns) -%}
    {% for column in columns %}{{ alias }}.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}
