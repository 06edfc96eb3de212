-- Questions about a time: what was done, what broke, what was hit. `since` and `until` are times by the brokers'
-- clock, which rows are partitioned by.
-- Sums over a day sort and hash a quarter of a million rows: work_mem has them in memory rather than on disk.

create index message_calls on audit.message (broker_at)
  include (job_id, agent_id, tier, provider, model, attempt, status, error_type, tokens_in, tokens_out, cost_usd,
    duration_ms)
  where kind = 'call.finished.v1';
comment on index audit.message_calls is 'What is asked of all calls of a time is answered from here alone.';
create index message_time on audit.message using brin (broker_at) with (pages_per_range = 32, autosummarize = on);

create function audit.prompt_length(chars bigint) returns text language sql immutable parallel safe
  return case when chars < 500 then 'under 500 characters' when chars < 2000 then '500 to 1,999 characters'
    when chars < 8000 then '2,000 to 7,999 characters' when chars < 32000 then '8,000 to 31,999 characters'
    when chars >= 32000 then '32,000 characters or more' end;
comment on function audit.prompt_length is 'The band of prompt lengths that a number of characters falls in.';

create function audit.work(since timestamptz default now() - interval '1 day',
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

create function audit.minutes(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity')
  returns table (minute timestamptz, tier text, provider text, model text, calls bigint, failed_calls bigint,
    failed_percent numeric, median_ms numeric, p95_ms numeric, cost_usd numeric)
  language sql stable set work_mem = '64MB' as $$
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

create function audit.outcomes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (tier text, status text, reason text, jobs bigint, percent numeric, agents bigint,
    first_at timestamptz, last_at timestamptz, example_job uuid)
  language sql stable set work_mem = '64MB' as $$
  select outcome_tier, outcome, outcome_reason, count(*), round(100.0 * count(*) / sum(count(*)) over (), 1),
    count(distinct agent_id), min(finished_at), max(finished_at), (array_agg(job_id))[1]
  from audit.job
  where finished_at >= since and finished_at < until and last_seen_at >= since - interval '1 hour'
  group by outcome_tier, outcome, outcome_reason order by count(*) desc
$$;
comment on function audit.outcomes is
'How did jobs end since then, and for which reasons?
tier is null where a job ended before it was routed.
select * from audit.outcomes(now() - interval ''1 day'')';

create function audit.errors(since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (error_type text, what text, tier text, provider text, model text, agent_id text, failures bigint,
    jobs bigint, first_at timestamptz, last_at timestamptz, example_job uuid)
  language sql stable set work_mem = '64MB' as $$
  select error_type, what, tier, provider, model, agent_id, count(*), count(distinct job_id), min(at), max(at),
    (array_agg(job_id order by at desc))[1]
  from audit.work(since, until) where failed
  group by error_type, what, tier, provider, model, agent_id order by count(*) desc
$$;
comment on function audit.errors is
'Which errors were there since then, of which model and agent, how many, since when?
select * from audit.errors(now() - interval ''1 day'')';

-- How many jobs are hit is guessed far too low: nested loops would be chosen.
create function audit.blast_radius(dimension text, value text,
    since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (job_id uuid, agent_id text, state text, tier text, model text, submitted_at timestamptz,
    finished_at timestamptz, calls bigint, failed_calls bigint, cost_usd numeric, last_error text)
  language plpgsql stable set work_mem = '64MB' set enable_nestloop = off as $$
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
