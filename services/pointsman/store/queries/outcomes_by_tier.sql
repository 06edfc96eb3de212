select tier, status, error_type, count(*) as jobs
from audit.message
where kind in ('job.completed.v1', 'job.failed.v1', 'job.rejected.v1', 'job.expired.v1', 'job.cancelled.v1')
  and broker_at >= $1 and ($2::uuid[] is null or job_id = any ($2))
group by tier, status, error_type order by tier nulls first, status, error_type
