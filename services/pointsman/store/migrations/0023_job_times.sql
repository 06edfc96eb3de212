-- What a post-mortem asks of many jobs, kept with each: when its first failed call began and of which model it was, its
-- slowest call, what its outcome said. And prompt_chars means one thing: the characters of text, as the router counts.

-- A call's record is written once its job has ended: when the call began stands in it. Masking may have left anything
-- there, and nothing may raise: the day is added apart, so that the 30th of February is a date too.
create function audit.call_began_at(payload jsonb) returns timestamptz language plpgsql stable parallel safe as $$
declare
  began constant text := payload ->> 'started_at';  -- taken out of the payload once
begin
  if began ~ ('^(?!0000)\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?'
      || '(Z|[+-](0\d|1[0-4]):?[0-5]\d)$') then
    return (left(began, 8) || '01' || substr(began, 11))::timestamptz
      + (substr(began, 9, 2)::integer - 1) * interval '24 hours';
  end if;
  return null;
end $$;
comment on function audit.call_began_at is 'When this call began, by its worker''s clock; null where its record does not say.';

create function audit.call_ended_at(payload jsonb, duration_ms double precision) returns timestamptz
  language sql stable parallel safe
  return audit.call_began_at(payload) + least(coalesce(duration_ms, 0), 1e11) * interval '1 millisecond';
comment on function audit.call_ended_at is 'When this call ended, by its worker''s clock; null where its record does not say.';

-- The trigger counts each prompt: a loop costs less than a query with its own start and end for each.
create or replace function audit.prompt_chars(body jsonb) returns integer language plpgsql immutable parallel safe as $$
declare
  messages constant jsonb := body -> 'messages';
  content jsonb;
  chars bigint;
begin
  if jsonb_typeof(messages) is distinct from 'array' then
    return case when jsonb_typeof(body -> 'prompt') = 'string' then length(body ->> 'prompt') end;
  end if;
  for place in 0 .. jsonb_array_length(messages) - 1 loop
    if jsonb_typeof(messages -> place) = 'object' then
      content := messages -> place -> 'content';
      chars := coalesce(chars, 0) + case jsonb_typeof(content)
        when 'string' then length(content #>> '{}')
        when 'array' then (select coalesce(sum(length(part ->> 'text')), 0)
          from jsonb_array_elements(content) as part where jsonb_typeof(part -> 'text') = 'string')
        else 0 end;
    end if;
  end loop;
  return chars;
end $$;

alter table audit.job add column failed_call_at timestamptz, add column failed_by text[],
  add column slowest_ms double precision, add column slowest_at timestamptz, add column slowest_by text[],
  add column outcome_message text, add column outcome_limit text;
comment on column audit.job.prompt_chars is 'characters of text in all messages of its request, as audit.prompt_chars counts them';
comment on column audit.job.failed_call_at is 'when its first failed call began; failed_by: its tier, provider, and the model asked for';
comment on column audit.job.slowest_ms is 'how long its longest call took that was answered or timed out; slowest_at: when that began; slowest_by: as failed_by';
comment on column audit.job.outcome_message is 'what its outcome says in words, the first 500 characters; outcome_limit: the limit that held it up';

create or replace function audit.keep_jobs() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into audit.job as job (job_id, agent_id, agent_at, asked_at, first_at, last_at, first_seen_at, last_seen_at,
    finished_at, outcome, outcome_reason, outcome_tier, dead_letters, first_routed_at, first_tier, routed_at, tier,
    rule, policy_version, routes, task_kind, prompt_chars, called_at, provider, model, model_asked, called_tier, calls,
    failed_calls, unpriced_calls, tokens_in, tokens_out, cost_usd, error_at, last_error, messages, failed_call_at,
    failed_by, slowest_ms, slowest_at, slowest_by, outcome_message, outcome_limit)
  select job_id, agent[array_length(agent, 1)], first_agent_at, asked_at, first_at, last_at, first_seen_at, last_seen_at, finished_at,
    ended[array_length(ended, 1)][1], ended[array_length(ended, 1)][2], ended[array_length(ended, 1)][3], dead_letters,
    first_routed_at, route[array_length(route, 1)][1], routed_at,
    route[1][1], route[1][2], route[1][3], routes, coalesce(routed_kind, submitted_kind),
    coalesce(routed_chars, submitted_chars), called_at, called[1][1], called[1][2], called[1][3], called[1][4], calls, failed_calls,
    unpriced_calls, tokens_in, tokens_out, cost_usd, error_at, error[1], messages, failed_call_at,
    case when failed is not null then array[failed[1][1], failed[1][2], failed[1][3]] end, slowest_ms, slowest_at[1],
    case when slowest is not null then array[slowest[1][1], slowest[1][2], slowest[1][3]] end,
    left(ended[array_length(ended, 1)][4], 500), left(ended[array_length(ended, 1)][5], 100)
  from (
    select job_id,  -- in one order, where it can be: that of the input, so nothing is sorted again for each job
      array_agg(agent_id order by at desc) filter (where agent_id is not null) as agent,
      min(at) filter (where agent_id is not null) as first_agent_at,
      min(at) filter (where kind = 'job.submitted.v1') as asked_at,
      min(at) as first_at, max(at) as last_at, min(broker_at) as first_seen_at, max(broker_at) as last_seen_at,
      min(at) filter (where ends) as finished_at,
      array_agg(array[status, error_type, tier, message, reached] order by at desc)
        filter (where ends) as ended,
      count(*) filter (where kind = 'job.dead.v1') as dead_letters,
      min(at) filter (where kind = 'job.routed.v1') as first_routed_at,
      max(at) filter (where kind = 'job.routed.v1') as routed_at,
      array_agg(array[tier, rule, policy_version] order by at desc) filter (where kind = 'job.routed.v1') as route,
      count(*) filter (where kind = 'job.routed.v1') as routes,
      max(asked_kind) filter (where kind = 'job.routed.v1') as routed_kind,
      max(asked_kind) filter (where kind = 'job.submitted.v1') as submitted_kind,
      max(chars) filter (where kind = 'job.routed.v1') as routed_chars,
      max(chars) filter (where kind = 'job.submitted.v1') as submitted_chars,
      max(at) filter (where kind = 'call.finished.v1') as called_at,
      array_agg(array[provider, model, asked, tier] order by at desc) filter (where kind = 'call.finished.v1') as called,
      count(*) filter (where kind = 'call.finished.v1') as calls,
      count(*) filter (where kind = 'call.finished.v1' and status <> 'ok') as failed_calls,
      count(*) filter (where kind = 'call.finished.v1' and cost_usd is null) as unpriced_calls,
      sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out, sum(cost_usd) as cost_usd,
      max(at) filter (where error_type is not null) as error_at,
      array_agg(error_type order by at desc) filter (where error_type is not null) as error,
      count(*) as messages,
      min(began_at) filter (where fails) as failed_call_at,
      array_agg(array[tier, provider, asked] order by began_at, attempt) filter (where fails) as failed,
      max(duration_ms) filter (where answers) as slowest_ms,
      array_agg(began_at order by duration_ms desc, began_at) filter (where answers) as slowest_at,
      array_agg(array[tier, provider, asked] order by duration_ms desc, began_at)
        filter (where answers) as slowest
    from (
      -- Each value once, not once for each aggregate of it; and no payload goes through the sort.
      select job_id, kind, agent_id, broker_at, status, error_type, tier, rule, policy_version, provider, model, attempt,
        tokens_in, tokens_out, cost_usd, duration_ms, audit.happened_at(kind, produced_at, broker_at) as at, audit.is_outcome(kind) as ends,
        case kind when 'call.finished.v1' then
          coalesce(audit.call_began_at(payload), audit.happened_at(kind, produced_at, broker_at)) end as began_at,
        case kind when 'call.finished.v1' then payload ->> 'model' end as asked,
        case when audit.is_outcome(kind) then payload ->> 'message' end as message,
        case when audit.is_outcome(kind) then payload ->> 'limit' end as reached,
        case kind when 'job.routed.v1' then payload #>> '{job,kind}' when 'job.submitted.v1' then payload ->> 'kind' end as asked_kind,
        kind = 'call.finished.v1' and status not in ('ok', 'cancelled') as fails,
        kind = 'call.finished.v1' and (status = 'ok' or error_type = 'timeout') and duration_ms is not null as answers,
        case kind when 'job.routed.v1' then audit.prompt_chars(payload #> '{job,request}')
          when 'job.submitted.v1' then audit.prompt_chars(coalesce(payload -> 'request', payload)) end as chars
      from added where job_id is not null offset 0) as message
    group by job_id
  ) as said
  order by job_id  -- one order for all writers: no deadlock
  on conflict (job_id) do update set
    agent_id = case when job.agent_at <= excluded.agent_at or excluded.agent_at is null then job.agent_id
      else excluded.agent_id end,
    agent_at = least(job.agent_at, excluded.agent_at),
    asked_at = least(job.asked_at, excluded.asked_at),
    first_at = least(job.first_at, excluded.first_at), last_at = greatest(job.last_at, excluded.last_at),
    first_seen_at = least(job.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(job.last_seen_at, excluded.last_seen_at),
    finished_at = least(job.finished_at, excluded.finished_at),
    outcome = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null then job.outcome
      else excluded.outcome end,
    outcome_reason = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_reason else excluded.outcome_reason end,
    outcome_tier = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_tier else excluded.outcome_tier end,
    dead_letters = job.dead_letters + excluded.dead_letters,
    first_tier = case when job.first_routed_at <= excluded.first_routed_at or excluded.first_routed_at is null
      then job.first_tier else excluded.first_tier end,
    first_routed_at = least(job.first_routed_at, excluded.first_routed_at),
    tier = case when excluded.routed_at > job.routed_at or job.routed_at is null then excluded.tier else job.tier end,
    rule = case when excluded.routed_at > job.routed_at or job.routed_at is null then excluded.rule else job.rule end,
    policy_version = case when excluded.routed_at > job.routed_at or job.routed_at is null
      then excluded.policy_version else job.policy_version end,
    routed_at = greatest(job.routed_at, excluded.routed_at),
    routes = job.routes + excluded.routes,
    task_kind = case when excluded.routes > 0 then excluded.task_kind else coalesce(job.task_kind,
      excluded.task_kind) end,
    prompt_chars = case when excluded.routes > 0 then excluded.prompt_chars else coalesce(job.prompt_chars,
      excluded.prompt_chars) end,
    provider = case when excluded.called_at > job.called_at or job.called_at is null then excluded.provider
      else job.provider end,
    model = case when excluded.called_at > job.called_at or job.called_at is null then excluded.model
      else job.model end,
    model_asked = case when excluded.called_at > job.called_at or job.called_at is null then excluded.model_asked
      else job.model_asked end,
    called_tier = case when excluded.called_at > job.called_at or job.called_at is null then excluded.called_tier
      else job.called_tier end,
    called_at = greatest(job.called_at, excluded.called_at),
    calls = job.calls + excluded.calls, failed_calls = job.failed_calls + excluded.failed_calls,
    unpriced_calls = job.unpriced_calls + excluded.unpriced_calls,
    tokens_in = coalesce(job.tokens_in + excluded.tokens_in, job.tokens_in, excluded.tokens_in),
    tokens_out = coalesce(job.tokens_out + excluded.tokens_out, job.tokens_out, excluded.tokens_out),
    cost_usd = coalesce(job.cost_usd + excluded.cost_usd, job.cost_usd, excluded.cost_usd),
    last_error = case when excluded.error_at > job.error_at or job.error_at is null then excluded.last_error
      else job.last_error end,
    error_at = greatest(job.error_at, excluded.error_at),
    messages = job.messages + excluded.messages,
    failed_by = case when excluded.failed_call_at < job.failed_call_at or job.failed_call_at is null
      then excluded.failed_by else job.failed_by end,
    failed_call_at = least(job.failed_call_at, excluded.failed_call_at),
    slowest_at = case when excluded.slowest_ms > job.slowest_ms or job.slowest_ms is null then excluded.slowest_at
      else job.slowest_at end,
    slowest_by = case when excluded.slowest_ms > job.slowest_ms or job.slowest_ms is null then excluded.slowest_by
      else job.slowest_by end,
    slowest_ms = greatest(job.slowest_ms, excluded.slowest_ms),
    outcome_message = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_message else excluded.outcome_message end,
    outcome_limit = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_limit else excluded.outcome_limit end;
  return null;
end $$;

-- Jobs of before, too: one look at their messages.
update audit.job set prompt_chars = coalesce(routed_chars, submitted_chars), failed_call_at = said.failed_call_at,
  failed_by = case when failed is not null then array[failed[1][1], failed[1][2], failed[1][3]] end,
  slowest_ms = said.slowest_ms, slowest_at = said.slowest_at[1],
  slowest_by = case when slowest is not null then array[slowest[1][1], slowest[1][2], slowest[1][3]] end,
  outcome_message = left(ended[1][1], 500), outcome_limit = left(ended[1][2], 100)
from (
  select job_id,
    array_agg(array[payload ->> 'message', payload ->> 'limit'] order by at) filter (where ends) as ended,
    max(chars) filter (where kind = 'job.routed.v1') as routed_chars,
    max(chars) filter (where kind = 'job.submitted.v1') as submitted_chars,
    min(began_at) filter (where fails) as failed_call_at,
    array_agg(array[tier, provider, payload ->> 'model'] order by began_at, attempt) filter (where fails) as failed,
    max(duration_ms) filter (where answers) as slowest_ms,
    array_agg(began_at order by duration_ms desc, began_at) filter (where answers) as slowest_at,
    array_agg(array[tier, provider, payload ->> 'model'] order by duration_ms desc, began_at)
      filter (where answers) as slowest
  from (
    select *, audit.happened_at(kind, produced_at, broker_at) as at, audit.is_outcome(kind) as ends,
      case kind when 'call.finished.v1' then
        coalesce(audit.call_began_at(payload), audit.happened_at(kind, produced_at, broker_at)) end as began_at,
      kind = 'call.finished.v1' and status not in ('ok', 'cancelled') as fails,
      kind = 'call.finished.v1' and (status = 'ok' or error_type = 'timeout') and duration_ms is not null as answers,
      case kind when 'job.routed.v1' then audit.prompt_chars(payload #> '{job,request}')
        when 'job.submitted.v1' then audit.prompt_chars(coalesce(payload -> 'request', payload)) end as chars
    from audit.message where job_id is not null) as message
  group by job_id) as said
where said.job_id = job.job_id;
