-- Questions about many jobs, answered from audit.job and from the index of calls.

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

create or replace view audit.jobs as
select job_id, agent_id, submitted_at, finished_at,
  coalesce(outcome, case when calls > 0 then 'called' when routes > 0 then 'routed' when dead_letters > 0 then 'dead'
    when asked_at is not null then 'submitted' else 'unreadable' end) as state,
  tier, rule, policy_version, model, calls::bigint as calls, failed_calls::bigint as failed_calls,
  unpriced_calls::bigint as unpriced_calls,
  (case when tokens_in > 9223372036854775807 then 9223372036854775807 else tokens_in end)::bigint as tokens_in,
  (case when tokens_out > 9223372036854775807 then 9223372036854775807 else tokens_out end)::bigint as tokens_out, cost_usd, last_error, messages::bigint as messages,
  finished_at - submitted_at as took, outcome_reason, task_kind, prompt_chars, provider, first_tier, routes, last_at,
  first_seen_at, last_seen_at
from audit.job;

create or replace function audit.work(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (job_id uuid, at timestamptz, what text, failed boolean, error_type text, agent_id text,
    task_kind text, tier text, rule text, policy_version text, provider text, model text, prompt_length text,
    hour text, attempt integer, duration_ms double precision, tokens_in bigint, tokens_out bigint, cost_usd numeric)
  language sql stable as $$
  select call.job_id, call.broker_at, 'call',
    case call.status when 'ok' then false when 'cancelled' then null else true end,
    call.error_type, call.agent_id, job.task_kind, call.tier, job.rule, job.policy_version, call.provider,
    case when job.called_tier = call.tier then coalesce(job.model_asked, call.model) else call.model end,
    audit.prompt_length(job.prompt_chars), to_char(call.broker_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    call.attempt, call.duration_ms, call.tokens_in, call.tokens_out, call.cost_usd
  from audit.message as call left join audit.job as job on job.job_id = call.job_id
    and job.last_seen_at >= since and job.first_seen_at < until  -- no more of them than have a message then
  where call.kind = 'call.finished.v1' and call.broker_at >= since and call.broker_at < until
  union all
  -- A job that ended, or waits, without a call.
  select job_id, submitted_at, case when finished_at is null then 'no call yet' else 'no call' end,
    case when outcome in ('rejected', 'failed', 'expired') then true end,
    coalesce(outcome_reason, last_error), agent_id, task_kind, tier, rule, policy_version, null, null,
    audit.prompt_length(prompt_chars), to_char(submitted_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    null, null, null, null, null
  from audit.job
  where calls = 0 and (outcome is not null or routes > 0 or dead_letters = 0)
    and submitted_at >= since and submitted_at < until
  union all
  -- A record that came to nothing. Where its job was refused, the job's own line says so already.
  select letter.job_id, letter.broker_at, 'dead letter', true, letter.error_type, letter.agent_id, null, null, null,
    null, null, null, null, to_char(letter.broker_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'), null, null,
    null, null, null
  from audit.message as letter left join audit.job as job on job.job_id = letter.job_id
    and job.last_seen_at >= since and job.first_seen_at < until
  where letter.kind = 'job.dead.v1' and letter.broker_at >= since and letter.broker_at < until
    and coalesce(job.outcome not in ('rejected', 'expired', 'failed'), true)
$$;

comment on function audit.work is
'What was done since then, a line for each provider call, each job without a call, each dead letter?
failed is null where it is not known yet or the job was cancelled. model is the one asked for, so that failures and answers are of one name.
select * from audit.work(now() - interval ''1 hour'') where failed';

create or replace function audit.minutes(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity')
  returns table (minute timestamptz, tier text, provider text, model text, calls bigint, failed_calls bigint,
    failed_percent numeric, median_ms numeric, p95_ms numeric, cost_usd numeric)
  language sql stable as $$
  select date_trunc('minute', broker_at), tier, provider, coalesce(max(model) filter (where status = 'ok'), max(model)),
    count(*), count(*) filter (where status <> 'ok'),
    round(100.0 * count(*) filter (where status <> 'ok') / count(*), 1),
    round(percentile_cont(0.5) within group (order by duration_ms)::numeric, 1),
    round(percentile_cont(0.95) within group (order by duration_ms)::numeric, 1), sum(cost_usd)
  from audit.message
  where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  group by 1, 2, 3 order by 1, 2, 3
$$;
comment on function audit.minutes is
'When did it begin and end: calls, failures, durations and cost of each tier, minute by minute?
model is one that answered in that minute.
select * from audit.minutes(now() - interval ''1 hour'')';

create or replace function audit.outcomes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (tier text, status text, reason text, jobs bigint, percent numeric, agents bigint,
    first_at timestamptz, last_at timestamptz, example_job uuid)
  language sql stable as $$
  select outcome_tier, outcome, outcome_reason, count(*), round(100.0 * count(*) / sum(count(*)) over (), 1),
    count(distinct agent_id), min(finished_at), max(finished_at), (array_agg(job_id))[1]
  from audit.job
  where finished_at >= since and finished_at < until and last_seen_at >= since - interval '1 hour'
  group by outcome_tier, outcome, outcome_reason order by count(*) desc
$$;

create or replace function audit.blast_radius(dimension text, value text,
    since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (job_id uuid, agent_id text, state text, tier text, model text, submitted_at timestamptz,
    finished_at timestamptz, calls bigint, failed_calls bigint, cost_usd numeric, last_error text)
  language plpgsql stable as $$
declare
  known     constant text[] := array['agent_id', 'task_kind', 'tier', 'rule', 'policy_version', 'provider', 'model',
    'error_type', 'prompt_length', 'hour', 'what'];
  names     constant text[] := regexp_split_to_array(dimension, '\s*\+\s*');
  wanted    constant text[] := case array_length(names, 1) when 1 then array[value]
    else regexp_split_to_array(value, '\s*\+\s*') end;
  condition text := '';
begin
  if not names <@ known then
    raise exception 'unknown dimension %', dimension
      using hint = 'one of ' || array_to_string(known, ', ') || '; or two of them: ''agent_id + model''',
        errcode = 'invalid_parameter_value';
  end if;
  if array_length(names, 1) <> array_length(wanted, 1) then
    raise exception '% has % parts, its value % has %', dimension, array_length(names, 1), value,
      array_length(wanted, 1) using hint = 'write the value as audit.suspects does: ''chat-desk + gpt-4.1-nano''',
        errcode = 'invalid_parameter_value';
  end if;
  for place in 1 .. array_length(names, 1) loop
    condition := condition || format(' and work.%I = %L', names[place], wanted[place]);
  end loop;
  return query execute
    'select job.job_id, job.agent_id, job.state, job.tier, job.model, job.submitted_at, job.finished_at, job.calls,
       job.failed_calls, job.cost_usd, job.last_error
     from audit.jobs as job
     where job.last_seen_at >= $1 and job.first_seen_at < $2
       and job.job_id in (select work.job_id from audit.work($1, $2) as work where true' || condition || ')
     order by job.submitted_at' using since, until;
end $$;
comment on function audit.blast_radius is
'What else was hit: each job since then that has this agent, model, rule, error, ... ?
dimension: agent_id, task_kind, tier, rule, policy_version, provider, model, error_type, prompt_length, hour, what; or two of them, written as audit.suspects writes them.
select state, count(*), sum(cost_usd) from audit.blast_radius(''model'', ''gpt-4.1-nano'', now() - interval ''1 hour'') group by state';

create or replace function audit.waste(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (reason text, calls bigint, jobs bigint, cost_usd numeric, unpriced_calls bigint, tokens_in bigint,
    tokens_out bigint, model_seconds numeric, example_job uuid)
  language sql stable as $$
  with call as (
    select job_id, status, tokens_in, tokens_out, cost_usd, duration_ms,
      row_number() over (partition by job_id, tier, status = 'ok' order by broker_at, attempt) as place
    from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  ), wasted as (
    select case
        when call.status in ('cancelled', 'expired') then 'broken off'
        when call.status <> 'ok' then 'failed, tried again or given up'
        when place > 1 then 'answered twice on one tier'
        else 'answered, but the job was ' || job.outcome end as reason, call.*
    from call left join audit.job as job on job.job_id = call.job_id and job.outcome <> 'completed'
      and job.last_seen_at >= since and job.first_seen_at < until
    where call.status <> 'ok' or place > 1 or job.outcome is not null
  )
  select reason, count(*), count(distinct job_id), coalesce(sum(cost_usd), 0), count(*) filter (where cost_usd is null),
    sum(tokens_in)::bigint, sum(tokens_out)::bigint, round((sum(duration_ms) / 1000)::numeric, 1),
    (array_agg(job_id))[1]
  from wasted group by reason order by 4 desc, 2 desc
$$;

create or replace view audit.escalations as
select job.job_id, agent_id, first_tier, tier as last_tier, routes::bigint as routes, first_routed_at as first_at,
  routed_at as last_at, rule as last_rule, last.reason as last_reason
from audit.job left join lateral (
  select payload #>> '{decision,reason}' as reason from audit.message as route
  where route.job_id = job.job_id and route.kind = 'job.routed.v1'
  order by audit.happened_at(kind, produced_at, broker_at) desc limit 1) as last on true
where routes > 1 and first_tier <> tier;

create or replace function audit.misroutes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', few_tokens integer default 20)
  returns table (verdict text, job_id uuid, agent_id text, tier text, rule text, policy_version text, task_kind text,
    tokens_out bigint, cost_usd numeric, evidence text)
  language sql stable as $$
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

create or replace function audit.agents(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (agent_id text, owner text, registered boolean, jobs bigint, calls bigint, failed_calls bigint,
    failed_percent numeric, refused_jobs bigint, cost_usd numeric, tiers text[], first_at timestamptz,
    last_at timestamptz)
  language sql stable as $$
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

create or replace function audit.talks(since timestamptz default now() - interval '1 day',
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

create or replace view audit.lag as
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
