select (select avg(octet_length(value)) from (select value from audit.message limit 20000) as sampled) as mean_value_bytes,
  sum(pg_table_size(part))::bigint as table_bytes, sum(pg_indexes_size(part))::bigint as index_bytes
from (select inhrelid as part from pg_inherits where inhparent = 'audit.message'::regclass
  union all select 'audit.job'::regclass) as parts
