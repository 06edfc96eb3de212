-- Days that have a partition, with estimated rows and size on disk including indexes.
select to_date(right(relname, 8), 'YYYYMMDD') as day, relname::text as name, greatest(reltuples, 0)::bigint as rows,
  pg_total_relation_size(oid) as bytes
from pg_class
where oid in (select inhrelid from pg_inherits where inhparent = 'audit.message'::regclass)
  and relname ~ '^message_\d{8}$' and to_date(right(relname, 8), 'YYYYMMDD') < $1
order by day
