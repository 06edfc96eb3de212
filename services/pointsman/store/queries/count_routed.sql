-- Number of routing decisions, without escalations in a cascade.
select count(*) as jobs from audit.message where kind = 'job.routed.v1' and broker_at >= $1 and broker_at < $2
  and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', false))
