-- Questions about the running system: what is stuck, who is there, what goes where, how far behind the audit is.

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
select route.job_id, agent_id, first_tier, last_tier, routes, first_at, last_at, last_rule, last_reason
from (
  select job_id, count(*) as routes, (array_agg(agent_id order by at))[1] as agent_id,
    (array_agg(tier order by at))[1] as first_tier, (array_agg(tier order by at desc))[1] as last_tier,
    min(at) as first_at, max(at) as last_at, (array_agg(rule order by at desc))[1] as last_rule,
    (array_agg(payload #>> '{decision,reason}' order by at desc))[1] as last_reason
  from (select *, audit.happened_at(kind, produced_at, broker_at) as at from audit.message) as message
  where kind = 'job.routed.v1' group by job_id having count(distinct tier) > 1) as route;
comment on view audit.escalations is
'Which jobs were routed more than once, from which tier to which, and why the last time?
select * from audit.escalations order by last_at desc limit 20';

create function audit.misroutes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', few_tokens integer default 20)
  returns table (verdict text, job_id uuid, agent_id text, tier text, rule text, policy_version text, task_kind text,
    tokens_out bigint, cost_usd numeric, evidence text)
  language sql stable as $$
  with dearest as (
    select prices.tier from audit.token_prices(since, until) as prices
    order by usd_per_million_in + usd_per_million_out desc limit 1
  )
  select 'too low', escalations.job_id, escalations.agent_id, first_tier, jobs.rule, jobs.policy_version,
    asked.task_kind, jobs.tokens_out, jobs.cost_usd, 'went from ' || first_tier || ' to ' || last_tier
  from audit.escalations left join audit.jobs using (job_id) left join audit.asked using (job_id)
  where first_at >= since and first_at < until
  union all
  select 'perhaps too high', jobs.job_id, jobs.agent_id, jobs.tier, jobs.rule, jobs.policy_version, asked.task_kind,
    jobs.tokens_out, jobs.cost_usd, 'an answer of ' || jobs.tokens_out || ' tokens on the dearest tier'
  from audit.jobs join dearest using (tier) left join audit.asked using (job_id)
  where jobs.state = 'completed' and jobs.tokens_out <= few_tokens and jobs.calls = 1
    and jobs.submitted_at >= since and jobs.submitted_at < until
  union all
  select 'no such model', jobs.job_id, jobs.agent_id, jobs.tier, jobs.rule, jobs.policy_version, asked.task_kind,
    jobs.tokens_out, jobs.cost_usd, 'the provider of this tier answers ' || jobs.last_error
  from audit.jobs left join audit.asked using (job_id)
  where jobs.last_error in ('model_not_found', 'authentication')
    and jobs.submitted_at >= since and jobs.submitted_at < until
$$;
comment on function audit.misroutes is
'Which jobs went to the wrong tier, and how do we know?
too low: had to go up. perhaps too high: a short answer (up to few_tokens) on the dearest tier. no such model: the tier''s own provider refuses all.
select verdict, rule, task_kind, count(*), sum(cost_usd) from audit.misroutes(now() - interval ''1 day'') group by 1, 2, 3 order by 4 desc';

create function audit.agents(since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (agent_id text, owner text, registered boolean, jobs bigint, calls bigint, failed_calls bigint,
    failed_percent numeric, refused_jobs bigint, cost_usd numeric, tiers text[], first_at timestamptz,
    last_at timestamptz)
  language sql stable as $$
  with called as (
    select agent_id, count(*) as calls, count(*) filter (where status <> 'ok') as failed_calls,
      sum(cost_usd) as cost_usd, array_agg(distinct tier) as tiers, count(distinct job_id) as jobs,
      min(broker_at) as first_at, max(broker_at) as last_at
    from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
    group by agent_id
  ), refused as (
    select agent_id, count(*) as jobs, min(broker_at) as first_at, max(broker_at) as last_at
    from audit.message where kind = 'job.rejected.v1' and broker_at >= since and broker_at < until
    group by agent_id
  )
  select agent_id, check_of.owner, check_of.registered, coalesce(called.jobs, 0) + coalesce(refused.jobs, 0),
    coalesce(calls, 0), coalesce(failed_calls, 0), round(100.0 * failed_calls / nullif(calls, 0), 1),
    coalesce(refused.jobs, 0), cost_usd, tiers, least(called.first_at, refused.first_at),
    greatest(called.last_at, refused.last_at)
  from called full join refused using (agent_id)
  left join lateral (
    select substring(rung ->> 'detail' from 'owner is (.*)$') as owner,
      rung ->> 'detail' not like '%is not registered%' as registered
    from (select payload from audit.message as routed
        where routed.agent_id = coalesce(called.agent_id, refused.agent_id) and routed.kind = 'job.routed.v1'
          and routed.broker_at < until
        order by routed.broker_at desc limit 1) as latest
    cross join lateral jsonb_array_elements(latest.payload #> '{decision,checks}') as rung
    where rung ->> 'layer' = 'admission' and rung ->> 'name' = 'agent' limit 1) as check_of on true
  order by cost_usd desc nulls last, agent_id
$$;
comment on function audit.agents is
'Which agents were seen, who owns them, what did they do, fail and cost?
owner and registered are as the router''s last decision for the agent says.
select * from audit.agents(now() - interval ''1 day'')';

create function audit.talks(since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (sender text, receiver text, by text, messages bigint, failed bigint, cost_usd numeric,
    first_at timestamptz, last_at timestamptz)
  language sql stable as $$
  select agent_id, 'tier ' || tier, 'routed jobs', count(*), null::bigint, null::numeric, min(broker_at), max(broker_at)
  from audit.message where kind = 'job.routed.v1' and broker_at >= since and broker_at < until group by agent_id, tier
  union all
  select agent_id, provider || '/' || model, 'calls of tier ' || tier, count(*), count(*) filter (where status <> 'ok'),
    sum(cost_usd), min(broker_at), max(broker_at)
  from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  group by agent_id, provider, model, tier
  order by 1, 3 desc, 4 desc
$$;
comment on function audit.talks is
'Who talks to whom: which agent''s jobs went to which tiers, and to which models of which provider?
select * from audit.talks(now() - interval ''1 day'')';

create view audit.lag as
select topic, partition, next_offset, moved_at, now() - moved_at as since_last_batch, recent.records as records_last_hour,
  recent.newest_at, recent.median_delay, recent.p99_delay, recent.slowest_delay
from audit.lane left join lateral (
  select count(*) as records, max(broker_at) as newest_at,
    percentile_cont(0.5) within group (order by recorded_at - broker_at) as median_delay,
    percentile_cont(0.99) within group (order by recorded_at - broker_at) as p99_delay,
    max(recorded_at - broker_at) as slowest_delay
  from audit.message
  where message.topic = lane.topic and message.partition = lane.partition
    and broker_at > now() - interval '1 hour' and broker_at <= now()) as recent on true;
comment on view audit.lag is
'How far behind is the audit itself: how long after the broker had a record was it stored, lane by lane?
Delays are of the last hour. What waits in Kafka still is shown by `pointsman lag`.
select * from audit.lag order by topic, partition';
