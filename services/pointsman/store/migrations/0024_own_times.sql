-- Times of calls are their own: a call's record is written once its job has ended, seconds or minutes later. And what was
-- told in one place only: why a job was not tried again, which errors are the same but for a number in them.

create index message_failed_calls on audit.message (broker_at) where kind = 'call.finished.v1' and status <> 'ok';

create or replace view audit.timeline as
select job_id, at, at - first_value(at) over story as since_start, at - lag(at) over story as step,
  kind, agent_id, source, tier, provider, model, attempt, status, error_type, cost_usd, duration_ms,
  unreadable, topic, partition, "offset", message_id, causation_id, payload
from (
  select *, least(case kind when 'call.finished.v1' then audit.call_ended_at(payload, duration_ms) end,
    audit.happened_at(kind, produced_at, broker_at)) as at
  from audit.message) as message
where job_id is not null
window story as (partition by job_id order by at, audit.step_of(kind), topic, partition, "offset");

-- Errors that differ in a position, an id or what they quote are of one pattern. The status of an answer stays.
create function audit.error_pattern(error text) returns text language sql immutable parallel safe
  return left(regexp_replace(regexp_replace(regexp_replace(left(error, 2000),
    '"[^"]*"|`[^`]*`|(?<![[:alnum:]])''[^'']*''(?![[:alnum:]])', '"..."', 'g'),
    '\m(?=[[:alpha:]]*\d)[[:alnum:]]{12,}\M|\m[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}\M', '...', 'g'),
    '(?<!answered |status |HTTP |[[:alnum:]_.-])\d+([.,]\d+)*', 'N', 'g'), 200);
comment on function audit.error_pattern is 'The text of an error with N for numbers and ... for ids and quotations.';

create or replace view audit.calls as
select job_id, least(audit.call_ended_at(payload, duration_ms), audit.happened_at(kind, produced_at, broker_at)) as at,
  agent_id, tier, provider, model, payload ->> 'model' as model_asked, attempt, status, error_type,
  payload ->> 'error' as error, (payload ->> 'http_status')::integer as http_status, duration_ms, tokens_in, tokens_out,
  cost_usd, payload ->> 'prices' as prices, payload -> 'request' as request, payload -> 'response' as response, message_id,
  audit.call_began_at(payload) as started_at, audit.error_pattern(payload ->> 'error') as error_pattern
from audit.message where kind = 'call.finished.v1';
comment on view audit.calls is
'What was sent to the provider and what came back, for each attempt: request, response, tokens, cost, error?
model is as the provider named it, model_asked as we asked; cost_usd is null where the price is not known. started_at and at are when this call began and ended, not when its job did.
select attempt, started_at, model, status, error_type, error, duration_ms, cost_usd, request, response from audit.calls where job_id = ''JOB'' order by at';

create or replace view audit.stages as
with moment as (
  select job_id, kind, status, tier, provider, model, attempt, error_type, topic, partition, "offset",
    audit.happened_at(kind, produced_at, broker_at) as at,
    case kind when 'call.finished.v1' then audit.call_began_at(payload) end as call_began_at,
    case kind when 'call.finished.v1' then audit.call_ended_at(payload, duration_ms) end as call_ended_at
  from audit.message where job_id is not null and kind is not null
), spell as (
  select *, lag(coalesce(call_ended_at, at)) over story as before_at, lag(kind) over story as before_kind
  from moment
  window story as (partition by job_id order by coalesce(call_began_at, at), audit.step_of(kind), topic, partition,
    "offset")
)
select job_id, stage, began_at, ended_at, ended_at - began_at as took, tier, provider, model, attempt, status,
  error_type
from spell cross join lateral (values
  (case
      when kind = 'job.routed.v1' and before_kind = 'call.finished.v1' then 'judging the answer'
      when kind = 'job.routed.v1' and before_kind = 'job.undecided.v1' then 'waiting for a second opinion'
      when kind in ('job.routed.v1', 'job.undecided.v1') then 'waiting for the router'
      when kind = 'call.finished.v1' and before_kind = 'call.finished.v1' then 'waiting before the next attempt'
      when kind = 'call.finished.v1' then 'waiting for a worker'
      when kind = 'job.submitted.v1' then 'until it was submitted again'
      when audit.is_outcome(kind) then 'writing the outcome'
      else 'until ' || kind end, before_at, coalesce(call_began_at, at)),
  (case when kind = 'call.finished.v1' then 'calling the model' end, call_began_at, call_ended_at)
) as stage (stage, began_at, ended_at)
where stage is not null and began_at is not null;

create or replace view audit.jobs as
select job_id, agent_id, submitted_at, finished_at,
  coalesce(outcome, case when calls > 0 then 'called' when routes > 0 then 'routed' when dead_letters > 0 then 'dead'
    when asked_at is not null then 'submitted' else 'unreadable' end) as state,
  tier, rule, policy_version, model, calls::bigint as calls, failed_calls::bigint as failed_calls,
  unpriced_calls::bigint as unpriced_calls,
  (case when tokens_in > 9223372036854775807 then 9223372036854775807 else tokens_in end)::bigint as tokens_in,
  (case when tokens_out > 9223372036854775807 then 9223372036854775807 else tokens_out end)::bigint as tokens_out,
  cost_usd, last_error, messages::bigint as messages, finished_at - submitted_at as took, outcome_reason, task_kind,
  prompt_chars, provider, first_tier, routes, last_at, first_seen_at, last_seen_at, outcome_message, outcome_limit,
  failed_call_at, slowest_ms
from audit.job;
comment on view audit.jobs is
'How does a job stand: state, tier, rule, calls, tokens, cost, how long it took, last error?
state is the status of its outcome (completed, failed, rejected, expired, cancelled), else how far it has come. outcome_message is what the outcome says in words, such as why it was not tried again.
select * from audit.jobs where job_id = ''JOB''';

drop function audit.work;
create function audit.work(since timestamptz default now() - interval '1 day',
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
    coalesce(call.payload ->> 'model', call.model), audit.prompt_length(job.prompt_chars),
    to_char(own.ended_at at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
    call.attempt, call.duration_ms, call.tokens_in, call.tokens_out, call.cost_usd, audit.call_began_at(call.payload),
    call.payload ->> 'error'
  from audit.message as call left join audit.job as job on job.job_id = call.job_id
  cross join lateral (
    select coalesce(audit.call_ended_at(call.payload, call.duration_ms), call.broker_at) as ended_at offset 0) as own
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

create or replace function audit.minutes(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity')
  returns table (minute timestamptz, tier text, provider text, model text, calls bigint, failed_calls bigint,
    failed_percent numeric, median_ms numeric, p95_ms numeric, cost_usd numeric)
  language sql stable set work_mem = '64MB' as $$
  select date_trunc('minute', at), tier, provider, coalesce(max(model) filter (where status = 'ok'), max(model)),
    count(*), count(*) filter (where status <> 'ok'),
    round(100.0 * count(*) filter (where status <> 'ok') / count(*), 1),
    round(percentile_cont(0.5) within group (order by duration_ms)::numeric, 1),
    round(percentile_cont(0.95) within group (order by duration_ms)::numeric, 1), sum(cost_usd)
  from (
    select broker_at as at, tier, provider, model, status, duration_ms, cost_usd
    from audit.message
    where kind = 'call.finished.v1' and status = 'ok' and broker_at >= since and broker_at < until
    union all
    select own.ended_at, tier, provider, model, status, duration_ms, cost_usd
    from audit.message as call
    cross join lateral (
    select coalesce(audit.call_ended_at(call.payload, call.duration_ms), call.broker_at) as ended_at offset 0) as own
    where call.kind = 'call.finished.v1' and call.status <> 'ok' and call.broker_at >= since - interval '1 hour'
      and call.broker_at < until + interval '1 day' and own.ended_at >= since and own.ended_at < until) as call
  group by 1, 2, 3 order by 1, 2, 3
$$;
comment on function audit.minutes is
'When did it begin and end: calls, failures, durations and cost of each tier, minute by minute?
A call is of the minute in which it ended itself. model is one that answered in that minute.
select * from audit.minutes(now() - interval ''1 hour'')';

drop function audit.outcomes;
create function audit.outcomes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (tier text, status text, reason text, jobs bigint, percent numeric, agents bigint,
    first_at timestamptz, last_at timestamptz, example_job uuid, not_retried bigint, usual_message text)
  language sql stable set work_mem = '64MB' as $$
  select outcome_tier, outcome, outcome_reason, count(*), round(100.0 * count(*) / sum(count(*)) over (), 1),
    count(distinct agent_id), min(finished_at), max(finished_at), (array_agg(job_id))[1],
    count(*) filter (where outcome_limit = 'retry budget'),
    mode() within group (order by audit.error_pattern(outcome_message)) filter (where outcome_message is not null)
  from audit.job
  where finished_at >= since and finished_at < until and last_seen_at >= since - interval '1 hour'
  group by outcome_tier, outcome, outcome_reason order by count(*) desc
$$;
comment on function audit.outcomes is
'How did jobs end since then, and for which reasons?
tier is null where a job ended before it was routed. not_retried: jobs that were given up because retries had made up the tier''s share of calls. Times are our services'' own clock, as those of audit.errors.
select * from audit.outcomes(now() - interval ''1 day'')';

drop function audit.errors;
create function audit.errors(since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (error_type text, what text, tier text, provider text, model text, agent_id text, failures bigint,
    jobs bigint, first_at timestamptz, last_at timestamptz, example_job uuid, error_pattern text, not_retried bigint)
  language sql stable set work_mem = '64MB' as $$
  with failure as (
    select *, audit.error_pattern(error) as error_pattern from audit.work(since, until) where failed
  )
  select failure.error_type, what, failure.tier, failure.provider, failure.model, failure.agent_id, count(*),
    count(distinct failure.job_id), min(coalesce(started_at, at)), max(at), (array_agg(failure.job_id order by at desc))[1],
    failure.error_pattern,
    count(distinct failure.job_id) filter (where job.outcome_limit = 'retry budget')
  from failure left join audit.job as job on job.job_id = failure.job_id
  group by failure.error_type, what, failure.tier, failure.provider, failure.model, failure.agent_id, failure.error_pattern
  order by count(*) desc
$$;
comment on function audit.errors is
'Which errors were there since then, of which model and agent, how many, since when?
first_at is when the first of these calls began, last_at when the last one ended, by our services'' own clock. error_pattern is the text of the error with N for numbers and ... for ids and quotations. not_retried: jobs that were given up because retries had made up the tier''s share of calls.
select * from audit.errors(now() - interval ''1 day'')';

drop function audit.waste;
create function audit.waste(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (reason text, calls bigint, jobs bigint, cost_usd numeric, unpriced_calls bigint, tokens_in bigint,
    tokens_out bigint, model_seconds numeric, example_job uuid, estimated_usd numeric)
  language sql stable set work_mem = '64MB' as $$
  with call as (
    select job_id, tier, provider, status, tokens_in, tokens_out, cost_usd, duration_ms,
      row_number() over (partition by job_id, tier, status = 'ok' order by broker_at, attempt) as place
    from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  ), usual as (
    -- What a token costs on a tier, and how many an answer has there.
    select price.*, answer.tokens_out from (
      select distinct on (tier, provider) tier, provider, usd_per_million_in, usd_per_million_out
      from audit.token_prices(since, until) order by tier, provider, calls desc) as price
    left join (
      select tier, provider, avg(tokens_out) as tokens_out from call where status = 'ok' group by tier, provider) as answer
    using (tier, provider)
  ), wasted as (
    select case
        when call.status in ('cancelled', 'expired') then 'broken off'
        when call.status <> 'ok' then 'failed, tried again or given up'
        when place > 1 then 'answered twice on one tier'
        else 'answered, but the job was ' || job.outcome end as reason, call.*, job.prompt_chars
    from call left join audit.job as job on job.job_id = call.job_id
      and job.last_seen_at >= since and job.first_seen_at < until
    where call.status <> 'ok' or place > 1 or job.outcome <> 'completed'
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
