select job_id,
  min(broker_at) filter (where kind = 'job.submitted.v1') as submitted,
  min(broker_at) filter (where kind = 'job.routed.v1') as routed,
  min(broker_at) filter (where audit.is_outcome(kind)) as ended
from audit.message where job_id = any ($1::uuid[]) group by job_id
