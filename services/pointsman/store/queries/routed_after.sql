-- One page of decisions in the order of the broker's time, each with the totals of its job's calls.
select routed.*, called.* from (
  select job_id, broker_at, topic, partition, "offset", value from audit.message
  where kind = 'job.routed.v1' and broker_at >= $1 and broker_at < $2
    and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', false))
    and (broker_at, topic, partition, "offset") > ($3, $4, $5, $6)
  order by broker_at, topic, partition, "offset" limit $7
) as routed left join lateral (
  select sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd) as cost_usd,
    count(*) filter (where cost_usd is null) as unpriced
  from audit.message where kind = 'call.finished.v1' and job_id = routed.job_id
) as called on true
order by broker_at, topic, partition, "offset"
