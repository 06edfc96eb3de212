-- The questions themselves, asked in SQL: what there is to ask, and how.

create view audit.questions as
select name, question, example, how, arguments, place from (
  select oid::bigint as place, relname::text as name, null as arguments, obj_description(oid, 'pg_class') as said
  from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'v'
  union all
  select oid::bigint, proname, pg_get_function_arguments(oid), obj_description(oid, 'pg_proc')
  from pg_proc where pronamespace = 'audit'::regnamespace and proretset) as asked
cross join lateral (select split_part(said, E'\n', 1) as question,
  (string_to_array(said, E'\n'))[array_length(string_to_array(said, E'\n'), 1)] as example,
  nullif(array_to_string((string_to_array(said, E'\n'))[2:array_length(string_to_array(said, E'\n'), 1) - 1], ' '), '')
    as how) as part
where question like '%?' and example like 'select %';
comment on view audit.questions is
'What can be asked here?
how says what columns mean where their names do not; arguments are those of a function, null for a view.
select question, example from audit.questions order by place';
