select distinct on (job_id) job_id, audit.happened_at(kind, produced_at, broker_at) as at, kind, agent_id, status,
  error_type, tier, provider, model, (payload ->> 'attempts')::integer as attempts, (payload ->> 'cost_usd')::numeric as cost_usd,
  payload ->> 'message' as message, payload
from audit.message where job_id = any ($1::uuid[]) and audit.is_outcome(kind) order by job_id, at
