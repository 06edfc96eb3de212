select (select sum(reltuples) from pg_class join pg_inherits on inhrelid = oid
    where inhparent = 'audit.message'::regclass)::bigint as messages,
  (select reltuples from pg_class where oid = 'audit.job'::regclass)::bigint as jobs,
  (select count(*) from audit.message where broker_at > now() - interval '1 day') as day_messages,
  (select count(*) from audit.job where submitted_at > now() - interval '1 day') as day_jobs
