-- Errors and waste of a day in fewer looks at its messages, each payload unpacked once; and the body of an answer that
-- could not be read.

-- Its predicate seldom becomes true: it costs a job that was not given up nothing.
create index job_given_up on audit.job (job_id) where outcome_limit = 'retry budget';

-- Nothing may raise: the day is added apart, so that the 30th of February is a date too.
create function audit.as_time(said text) returns timestamptz language plpgsql stable parallel safe as $$
begin
  if said ~ ('^(?!0000)\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?'
      || '(Z|[+-](0\d|1[0-4]):?[0-5]\d)$') then
    return (left(said, 8) || '01' || substr(said, 11))::timestamptz + (substr(said, 9, 2)::integer - 1) * interval '24 hours';
  end if;
  return null;
end $$;
comment on function audit.as_time is 'The time that a text says; null where it says none.';

create or replace function audit.call_began_at(payload jsonb) returns timestamptz language sql stable parallel safe
  return audit.as_time(payload ->> 'started_at');

create or replace view audit.calls as
select job_id, least(audit.call_ended_at(payload, duration_ms), audit.happened_at(kind, produced_at, broker_at)) as at,
  agent_id, tier, provider, model, payload ->> 'model' as model_asked, attempt, status, error_type,
  payload ->> 'error' as error, (payload ->> 'http_status')::integer as http_status, duration_ms, tokens_in, tokens_out,
  cost_usd, payload ->> 'prices' as prices, payload -> 'request' as request, payload -> 'response' as response, message_id,
  audit.call_began_at(payload) as started_at, audit.error_pattern(payload ->> 'error') as error_pattern, payload -> 'response_raw' as response_raw
from audit.message where kind = 'call.finished.v1';
comment on view audit.calls is
'What was sent to the provider and what came back, for each attempt: request, response, tokens, cost, error?
model is as the provider named it, model_asked as we asked; cost_usd is null where the price is not known. started_at and at are when this call began and ended, not when its job did. response_raw is the body as it came, where response cannot hold it: content is its text (encoding utf-8) or base64, whole is false where it is the beginning only.
select attempt, started_at, model, status, error_type, error, duration_ms, cost_usd, request, response from audit.calls where job_id = ''JOB'' order by at';

create or replace function audit.work(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (job_id uuid, at timestamptz, what text, failed boolean, error_type text, agent_id text,
    task_kind text, tier text, rule text, policy_version text, provider text, model text, prompt_length text,
    hour text, attempt integer, duration_ms double precision, tokens_in bigint, tokens_out bigint, cost_usd numeric,
    started_at timestamptz, error text)
  language sql stable as $$
  -- An answer is on record right after it came, and counts by that: of a day of them only an index is read.
  select call.job_id, coalesce(audit.call_ended_at(call.payload, call.duration_ms), call.broker_at), 'call', false,
    call.error_type, call.agent_id, job.task_kind, call.tier, job.rule, job.policy_version, call.provider,
    case when job.called_tier = call.tier then coalesce(job.model_asked, call.model) else call.model end,
    audit.prompt_length(job.prompt_chars), to_char(call.broker_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    call.attempt, call.duration_ms, call.tokens_in, call.tokens_out, call.cost_usd, audit.call_began_at(call.payload), null
  from audit.message as call left join audit.job as job on job.job_id = call.job_id
    and job.last_seen_at >= since and job.first_seen_at < until  -- no more of them than have a message then
  where call.kind = 'call.finished.v1' and call.status = 'ok' and call.broker_at >= since and call.broker_at < until
  union all
  -- One that failed may be on record long after: it counts by its own time.
  select call.job_id, own.ended_at, 'call', case call.status when 'cancelled' then null else true end,
    call.error_type, call.agent_id, job.task_kind, call.tier, job.rule, job.policy_version, call.provider,
    coalesce(said.model, call.model), audit.prompt_length(job.prompt_chars),
    to_char(own.ended_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    call.attempt, call.duration_ms, call.tokens_in, call.tokens_out, call.cost_usd, began_at, said.error
  from audit.message as call left join audit.job as job on job.job_id = call.job_id
  -- A payload is unpacked once, not once for each of its fields.
  cross join lateral jsonb_to_record(case jsonb_typeof(call.payload) when 'object' then call.payload end)
    as said (model text, error text, started_at text)
  cross join lateral (select audit.as_time(said.started_at) as began_at offset 0) as began
  cross join lateral (select coalesce(began_at + least(coalesce(call.duration_ms, 0), 1e11) * interval '1 millisecond',
    call.broker_at) as ended_at offset 0) as own
  where call.kind = 'call.finished.v1' and call.status <> 'ok' and call.broker_at >= since - interval '1 hour'
    and call.broker_at < until + interval '1 day' and own.ended_at >= since and own.ended_at < until
  union all
  -- A job that ended, or waits, without a call.
  select job_id, submitted_at, case when finished_at is null then 'no call yet' else 'no call' end,
    case when outcome in ('rejected', 'failed', 'expired') then true end,
    coalesce(outcome_reason, last_error), agent_id, task_kind, tier, rule, policy_version, null, null,
    audit.prompt_length(prompt_chars), to_char(submitted_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    null, null, null, null, null, null, outcome_message
  from audit.job
  where calls = 0 and (outcome is not null or routes > 0 or dead_letters = 0)
    and submitted_at >= since and submitted_at < until
  union all
  -- A record that came to nothing. Where its job was refused, the job's own line says so already.
  select letter.job_id, letter.broker_at, 'dead letter', true, letter.error_type, letter.agent_id, null, null, null,
    null, null, null, null, to_char(letter.broker_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'), null, null,
    null, null, null, null, (select max(pair ->> 1) from jsonb_array_elements(letter.headers) as pair where pair ->> 0 = 'ce_detail')
  from audit.message as letter left join audit.job as job on job.job_id = letter.job_id
    and job.last_seen_at >= since and job.first_seen_at < until
  where letter.kind = 'job.dead.v1' and letter.broker_at >= since and letter.broker_at < until
    and coalesce(job.outcome not in ('rejected', 'expired', 'failed'), true)
$$;
comment on function audit.work is
'What was done since then, a line for each provider call, each job without a call, each dead letter?
started_at and at are when a call itself began and ended. failed is null where it is not known yet or the job was cancelled. model is the one asked for, so that failures and answers are of one name.
select * from audit.work(now() - interval ''1 hour'') where failed';

create or replace function audit.errors(since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (error_type text, what text, tier text, provider text, model text, agent_id text, failures bigint,
    jobs bigint, first_at timestamptz, last_at timestamptz, example_job uuid, error_pattern text, not_retried bigint)
  language sql stable set work_mem = '64MB' as $$
  with failure as materialized (
    select * from audit.work(since, until) where failed
  ), pattern as (
    -- Thousands of failures say the same few things.
    select error, audit.error_pattern(error) as error_pattern
    from (select distinct error from failure where error is not null) as said
  )
  select failure.error_type, what, failure.tier, failure.provider, failure.model, failure.agent_id, count(*),
    count(distinct failure.job_id), min(coalesce(started_at, at)), max(at), (array_agg(failure.job_id order by at desc))[1],
    error_pattern, count(distinct given_up.job_id)
  from failure left join pattern on pattern.error = failure.error
  left join audit.job as given_up on given_up.job_id = failure.job_id and given_up.outcome_limit = 'retry budget'
  group by failure.error_type, what, failure.tier, failure.provider, failure.model, failure.agent_id, error_pattern
  order by count(*) desc
$$;
comment on function audit.errors is
'Which errors were there since then, of which model and agent, how many, since when?
first_at is when the first of these calls began, last_at when the last one ended, by our services'' own clock. error_pattern is the text of the error with N for numbers and ... for ids and quotations. not_retried: jobs that were given up because retries had made up the tier''s share of calls.
select * from audit.errors(now() - interval ''1 day'')';

create or replace function audit.waste(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (reason text, calls bigint, jobs bigint, cost_usd numeric, unpriced_calls bigint, tokens_in bigint,
    tokens_out bigint, model_seconds numeric, example_job uuid, estimated_usd numeric)
  language sql stable set work_mem = '64MB' as $$
  with suspect as (
    -- All but the one answer of a job that was completed: only what may be wasted is put in order.
    select call.job_id, call.tier, call.provider, call.status, call.tokens_in, call.tokens_out, call.cost_usd,
      call.duration_ms, job.outcome, job.prompt_chars,
      row_number() over (partition by call.job_id, call.tier, call.status = 'ok' order by call.broker_at, call.attempt) as place
    from audit.message as call left join audit.job as job on job.job_id = call.job_id
      and job.last_seen_at >= since and job.first_seen_at < until
    where call.kind = 'call.finished.v1' and call.broker_at >= since and call.broker_at < until
      and (call.status <> 'ok' or job.calls is distinct from 1 or job.outcome <> 'completed')
  ), wasted as materialized (
    select *, case
        when status in ('cancelled', 'expired') then 'broken off'
        when status <> 'ok' then 'failed, tried again or given up'
        when place > 1 then 'answered twice on one tier'
        else 'answered, but the job was ' || outcome end as reason
    from suspect where status <> 'ok' or place > 1 or outcome <> 'completed'
  ), usual as (
    -- What a token costs on a tier, and how many an answer has there; asked only where a price is not known.
    select price.*, answer.tokens_out from (
      select distinct on (tier, provider) tier, provider, usd_per_million_in, usd_per_million_out
      from audit.token_prices(since, until) order by tier, provider, calls desc) as price
    left join (
      select tier, provider, avg(tokens_out) as tokens_out from audit.message
      where kind = 'call.finished.v1' and status = 'ok' and broker_at >= since and broker_at < until
      group by tier, provider) as answer
    using (tier, provider)
    where exists (select from wasted where cost_usd is null)
  )
  select reason, count(*), count(distinct job_id), sum(cost_usd), count(*) filter (where cost_usd is null),
    sum(wasted.tokens_in)::bigint, sum(wasted.tokens_out)::bigint, round((sum(duration_ms) / 1000)::numeric, 1),
    (array_agg(job_id))[1],
    round(sum((coalesce(wasted.tokens_in, prompt_chars / 4.0) * usd_per_million_in
      + coalesce(wasted.tokens_out, usual.tokens_out, 0) * usd_per_million_out) / 1e6) filter (where cost_usd is null), 8)
  from wasted left join usual using (tier, provider) group by reason order by 4 desc nulls last, 10 desc nulls last, 2 desc
$$;
comment on function audit.waste is
'What was paid for nothing: failed and repeated calls, jobs that ran twice, answers that nobody got?
cost_usd is what is known, and null where no such call has a price: it leaves out the unpriced_calls, of which nobody knows whether they were charged. estimated_usd is what these may have cost besides: their tokens, or those of the tier''s mean answer to such a prompt, at the tier''s prices.
select reason, calls, jobs, cost_usd, unpriced_calls, estimated_usd, model_seconds from audit.waste(now() - interval ''1 day'')';
