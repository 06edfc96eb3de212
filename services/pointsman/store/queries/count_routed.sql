-- Decisions of routers; that a job went up in its cascade is none.
select count(*) as jobs from audit.message where kind = 'job.routed.v1' and broker_at >= $1 and broker_at < $2
  and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', false))
