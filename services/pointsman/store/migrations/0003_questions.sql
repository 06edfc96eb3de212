-- When it happened: our services' own clock, but the broker's for what strangers may write.
create function audit.happened_at(kind text, produced_at timestamptz, broker_at timestamptz)
  returns timestamptz language sql immutable parallel safe
  return case when kind is null or kind in ('job.submitted.v1', 'job.cancel.v1') then broker_at
    else coalesce(produced_at, broker_at) end;

-- Which of two messages of the same microsecond comes first.
create function audit.step_of(kind text) returns integer language sql immutable parallel safe
  return case kind when 'job.submitted.v1' then 0 when 'job.routed.v1' then 1 when 'job.cancel.v1' then 2
    when 'call.finished.v1' then 3 when 'job.dead.v1' then 5 else 4 end;

create function audit.is_outcome(kind text) returns boolean language sql immutable parallel safe
  return coalesce(kind in ('job.completed.v1', 'job.failed.v1', 'job.rejected.v1', 'job.expired.v1',
    'job.cancelled.v1'), false);

create view audit.timeline as
select job_id, at, at - first_value(at) over story as since_start, at - lag(at) over story as step,
  kind, agent_id, source, tier, provider, model, attempt, status, error_type, cost_usd, duration_ms,
  unreadable, topic, partition, "offset", message_id, causation_id, payload
from (select *, audit.happened_at(kind, produced_at, broker_at) as at from audit.message) as message
where job_id is not null
window story as (partition by job_id order by at, audit.step_of(kind), topic, partition, "offset");
comment on view audit.timeline is 'The story of a job: each of its messages in order.';

create view audit.why as
select job_id, audit.happened_at(kind, produced_at, broker_at) as at, agent_id, tier, rule,
  payload #>> '{decision,reason}' as reason, policy_version,
  payload #>> '{decision,runner_up,tier}' as runner_up_tier,
  payload #>> '{decision,runner_up,rule}' as runner_up_rule,
  payload #>> '{decision,runner_up,reason}' as runner_up_reason,
  (payload #>> '{decision,score,sufficient}')::double precision as score,
  (payload #>> '{decision,score,threshold}')::double precision as threshold,
  payload #> '{decision,checks}' as checks,
  payload -> 'job' as job, topic, partition, "offset", message_id
from audit.message where kind = 'job.routed.v1';
comment on view audit.why is 'Why a job went where it went: rule, reason, runner-up, score and the ladder of checks.';

create view audit.calls as
select job_id, audit.happened_at(kind, produced_at, broker_at) as at, agent_id, tier, provider, model,
  payload ->> 'model' as model_asked, attempt, status, error_type, payload ->> 'error' as error,
  (payload ->> 'http_status')::integer as http_status, duration_ms, tokens_in, tokens_out, cost_usd,
  payload ->> 'prices' as prices, payload -> 'request' as request, payload -> 'response' as response,
  message_id
from audit.message where kind = 'call.finished.v1';
comment on view audit.calls is 'Each provider call: request, response, usage, cost, duration, error.';

create view audit.jobs as
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
    sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd) as cost_usd,
    (array_agg(error_type order by at desc) filter (where error_type is not null))[1] as last_error,
    count(*) as messages
  from (select *, audit.happened_at(kind, produced_at, broker_at) as at from audit.message) as message
  where job_id is not null group by job_id) as job;
comment on view audit.jobs is 'One row a job: state, tier, cost, how long it took.';
