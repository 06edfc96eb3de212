select tier, count(distinct job_id) as jobs, count(*) as calls, count(*) filter (where status <> 'ok') as failed_calls,
  sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls
from audit.message
where kind = 'call.finished.v1' and broker_at >= $1 and ($2::uuid[] is null or job_id = any ($2))
group by tier order by tier
