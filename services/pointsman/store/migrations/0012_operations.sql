-- Questions about the running system: what is stuck, who is there, what goes where; and about the audit itself:
-- how far behind it is, whether its summary is right.

create function audit.stuck(older_than interval default '5 minutes', since timestamptz default now() - interval '7 days')
  returns table (job_id uuid, agent_id text, state text, waits_for text, tier text, submitted_at timestamptz,
    age interval, last_error text)
  language sql stable as $$
  select job_id, agent_id, state,
    case state when 'submitted' then 'the router' when 'routed' then 'a worker of tier ' || tier
      when 'called' then 'its outcome' when 'dead' then 'nothing: its record became a dead letter'
      else 'nothing: its record could not be read' end,
    tier, submitted_at, now() - submitted_at, last_error
  from audit.jobs
  where finished_at is null and submitted_at < now() - older_than and submitted_at >= since
  order by submitted_at
$$;
comment on function audit.stuck is
'Which jobs have no outcome though they are old, and what do they wait for?
A worker''s calls are on record once its job has ended: a job under way reads as waiting for a worker.
select * from audit.stuck(interval ''5 minutes'')';

create view audit.escalations as
select job.job_id, agent_id, first_tier, tier as last_tier, routes::bigint as routes, first_routed_at as first_at,
  routed_at as last_at, rule as last_rule, last.reason as last_reason
from audit.job left join lateral (
  select payload #>> '{decision,reason}' as reason from audit.message as route
  where route.job_id = job.job_id and route.kind = 'job.routed.v1'
  order by audit.happened_at(kind, produced_at, broker_at) desc limit 1) as last on true
where routes > 1 and first_tier <> tier;
comment on view audit.escalations is
'Which jobs were routed more than once, from which tier to which, and why the last time?
select * from audit.escalations order by last_at desc limit 20';

create function audit.misroutes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', few_tokens integer default 20)
  returns table (verdict text, job_id uuid, agent_id text, tier text, rule text, policy_version text, task_kind text,
    tokens_out bigint, cost_usd numeric, evidence text)
  language sql stable set work_mem = '64MB' as $$
  with dearest as (
    select prices.tier from audit.token_prices(since, until) as prices
    order by usd_per_million_in + usd_per_million_out desc limit 1
  ), judged as (
    select case
        when routes > 1 and first_tier <> tier then 'too low'
        when last_error in ('model_not_found', 'authentication') then 'no such model'
        when state = 'completed' and tokens_out <= few_tokens and calls = 1 and tier = (select tier from dearest)
          then 'perhaps too high' end as verdict, job.*
    from audit.jobs as job
    where last_seen_at >= since and first_seen_at < until and submitted_at >= since and submitted_at < until
  )
  select verdict, job_id, agent_id, case verdict when 'too low' then first_tier else tier end, rule, policy_version,
    task_kind, tokens_out, cost_usd, case verdict
      when 'too low' then 'went from ' || first_tier || ' to ' || tier
      when 'no such model' then 'the provider of this tier answers ' || last_error
      else 'an answer of ' || tokens_out || ' tokens on the dearest tier' end
  from judged where verdict is not null
$$;
comment on function audit.misroutes is
'Which jobs went to the wrong tier, and how do we know?
too low: had to go up. perhaps too high: a short answer (up to few_tokens) on the dearest tier. no such model: the tier''s own provider refuses all.
select verdict, rule, task_kind, count(*), sum(cost_usd) from audit.misroutes(now() - interval ''1 day'') group by 1, 2, 3 order by 4 desc';

create function audit.agents(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (agent_id text, owner text, registered boolean, jobs bigint, calls bigint, failed_calls bigint,
    failed_percent numeric, refused_jobs bigint, cost_usd numeric, tiers text[], first_at timestamptz,
    last_at timestamptz)
  language sql stable set work_mem = '64MB' as $$
  with seen as (
    select agent_id, count(*) as jobs, sum(calls)::bigint as calls, sum(failed_calls)::bigint as failed_calls,
      count(*) filter (where outcome = 'rejected') as refused_jobs, sum(cost_usd) as cost_usd,
      array_agg(distinct tier) filter (where tier is not null) as tiers, min(first_seen_at) as first_at,
      max(last_seen_at) as last_at
    from audit.job where last_seen_at >= since and first_seen_at < until and agent_id is not null
    group by agent_id
  )
  select agent_id, check_of.owner, check_of.registered, jobs, calls, failed_calls,
    round(100.0 * failed_calls / nullif(calls, 0), 1), refused_jobs, cost_usd, tiers, first_at, last_at
  from seen left join lateral (
    select substring(rung ->> 'detail' from 'owner is (.*)$') as owner,
      rung ->> 'detail' not like '%is not registered%' as registered
    from (select payload from audit.message as routed
        where routed.agent_id = seen.agent_id and routed.kind = 'job.routed.v1'
          and routed.broker_at >= seen.first_at and routed.broker_at <= seen.last_at
        order by routed.broker_at desc limit 1) as latest
    cross join lateral jsonb_array_elements(latest.payload #> '{decision,checks}') as rung
    where rung ->> 'layer' = 'admission' and rung ->> 'name' = 'agent' limit 1) as check_of on true
  order by cost_usd desc nulls last, agent_id
$$;
comment on function audit.agents is
'Which agents were seen, who owns them, what did they do, fail and cost?
Counted are the jobs that had any message in that time, whole. owner and registered are as the router''s last decision for the agent says.
select * from audit.agents(now() - interval ''1 day'')';

create function audit.talks(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (sender text, receiver text, by text, messages bigint, failed bigint, cost_usd numeric,
    first_at timestamptz, last_at timestamptz)
  language sql stable as $$
  select agent_id, 'tier ' || tier, 'routed jobs', count(*), null::bigint, null::numeric, min(routed_at), max(routed_at)
  from audit.job
  where last_seen_at >= since and first_seen_at < until and routed_at >= since and routed_at < until
  group by agent_id, tier
  union all
  select agent_id, provider || '/' || coalesce(max(model) filter (where status = 'ok'), max(model)),
    'calls of tier ' || tier, count(*), count(*) filter (where status <> 'ok'), sum(cost_usd), min(broker_at),
    max(broker_at)
  from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  group by agent_id, provider, tier
  order by 1, 3 desc, 4 desc
$$;
comment on function audit.talks is
'Who talks to whom: which agent''s jobs went to which tiers, and to which models of which provider?
select * from audit.talks(now() - interval ''1 day'')';

create view audit.lag as
with recent as (
  select topic, partition, count(*) as records, max(broker_at) as newest_at,
    percentile_cont(0.5) within group (order by recorded_at - broker_at) as median_delay,
    percentile_cont(0.99) within group (order by recorded_at - broker_at) as p99_delay,
    max(recorded_at - broker_at) as slowest_delay
  from audit.message where broker_at > now() - interval '1 hour' and broker_at <= now()
  group by topic, partition
)
select topic, partition, next_offset, moved_at, now() - moved_at as since_last_batch,
  coalesce(records, 0) as records_last_hour, newest_at, median_delay, p99_delay, slowest_delay
from audit.lane left join recent using (topic, partition);
comment on view audit.lag is
'How far behind is the audit itself: how long after the broker had a record was it stored, lane by lane?
Delays are of the last hour. What waits in Kafka still is shown by `pointsman lag`.
select * from audit.lag order by topic, partition';

create view audit.jobs_recounted as
select *, finished_at - submitted_at as took from (
  select job_id,
    (array_agg(agent_id order by at) filter (where agent_id is not null))[1] as agent_id,
    coalesce(min(at) filter (where kind = 'job.submitted.v1'), min(at)) as submitted_at,
    min(at) filter (where audit.is_outcome(kind)) as finished_at,
    coalesce(
      (array_agg(status order by at) filter (where audit.is_outcome(kind)))[1],
      case when bool_or(kind = 'call.finished.v1') then 'called'
        when bool_or(kind = 'job.routed.v1') then 'routed'
        when bool_or(kind = 'job.dead.v1') then 'dead'
        when bool_or(kind = 'job.submitted.v1') then 'submitted'
        else 'unreadable' end) as state,
    (array_agg(tier order by at desc) filter (where kind = 'job.routed.v1'))[1] as tier,
    (array_agg(rule order by at desc) filter (where kind = 'job.routed.v1'))[1] as rule,
    (array_agg(policy_version order by at desc) filter (where kind = 'job.routed.v1'))[1] as policy_version,
    (array_agg(model order by at desc) filter (where kind = 'call.finished.v1'))[1] as model,
    count(*) filter (where kind = 'call.finished.v1') as calls,
    count(*) filter (where kind = 'call.finished.v1' and status <> 'ok') as failed_calls,
    count(*) filter (where kind = 'call.finished.v1' and cost_usd is null) as unpriced_calls,
    sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out, sum(cost_usd) as cost_usd,
    (array_agg(error_type order by at desc) filter (where error_type is not null))[1] as last_error,
    count(*) as messages
  from (select *, audit.happened_at(kind, produced_at, broker_at) as at from audit.message) as message
  where job_id is not null group by job_id) as job;
comment on view audit.jobs_recounted is
'Is the summary of a job what its messages say?
The same as audit.jobs, counted anew from the messages, which are the record; slow for more than some jobs.
select job_id, state, calls, cost_usd, messages from audit.jobs_recounted where job_id = ''JOB''';
