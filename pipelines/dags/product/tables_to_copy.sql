-- The tables of one schema, and whether each has a primary key.
select
    c.relname as table_name,
    exists (select 1 from pg_index as i where i.indrelid = c.oid and i.indisprimary) as has_key
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relkind in ('r', 'p')
    and not c.relispartition
    and (%(tables)s::text[] = '{}' or c.relname = any(%(tables)s))
order by c.relname;
