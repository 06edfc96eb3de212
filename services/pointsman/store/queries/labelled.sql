-- Jobs to learn from: those with a verdict, or with shadows on other tiers. One row for each job and each of its
-- shadows, with the answer; rows with the same `root` are about the same question. The tier is the one whose answer
-- was used; the cost is that tier's only, without earlier tiers of a cascade. Masked and encrypted jobs are left out.
with judged as (
  select job_id, avg(verdict) as verdict from (
    select distinct on (job_id, payload ->> 'by') job_id, (payload ->> 'verdict')::double precision as verdict
    from audit.message
    where kind = 'job.feedback.v1' and broker_at >= $1 and ($2::text[] is null or payload ->> 'by' = any ($2))
    order by job_id, payload ->> 'by', broker_at desc, "offset" desc
  ) as latest group by job_id
), routed as (
  select job_id, tier, value,
    case when agent_id = 'pointsman/shadow' then (payload #>> '{job,metadata,shadow_of}')::uuid else job_id end as root
  from audit.message where kind = 'job.routed.v1' and broker_at >= $1 and privacy is null
    and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', false))
), roots as (
  select root from routed left join judged using (job_id)
  group by root having count(*) > 1 or bool_or(judged.verdict is not null)
)
select routed.root, routed.job_id, coalesce(done.tier, routed.tier) as tier, routed.value, judged.verdict,
  done.response, done.tokens_in, done.tokens_out, done.cost_usd
from routed join roots using (root) left join judged using (job_id) left join lateral (
  select (payload -> 'response')::text as response, (payload #>> '{usage,input_tokens}')::bigint as tokens_in,
    (payload #>> '{usage,output_tokens}')::bigint as tokens_out, (payload ->> 'cost_usd')::numeric - (
      select coalesce(sum((step ->> 'cost_usd')::numeric), 0)
      from jsonb_array_elements(coalesce(payload -> 'cascade', '[]')) as step
      where step ->> 'accepted' = 'false') as cost_usd, tier
  from audit.message where job_id = routed.job_id and kind = 'job.completed.v1' and privacy is null limit 1
) as done on true
order by routed.root, routed.job_id
