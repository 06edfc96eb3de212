-- A comment's first line is the question, the last one an example of one line of SQL; audit.questions (0013)
-- lists them.

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
comment on view audit.timeline is
'What happened to a job, message by message, and how long was each step?
since_start is from its first message, step from the message before.
select at, since_start, step, kind, source, tier, model, status, error_type from audit.timeline where job_id = ''JOB'' order by at';

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
comment on view audit.why is
'Why did a job go to that tier: which rule, for which reason, what was second, which checks?
score is the learned probability that the tier suffices, threshold what it had to reach; null where rules decided.
select tier, rule, reason, policy_version, runner_up_tier, runner_up_rule from audit.why where job_id = ''JOB''';

create view audit.calls as
select job_id, audit.happened_at(kind, produced_at, broker_at) as at, agent_id, tier, provider, model,
  payload ->> 'model' as model_asked, attempt, status, error_type, payload ->> 'error' as error,
  (payload ->> 'http_status')::integer as http_status, duration_ms, tokens_in, tokens_out, cost_usd,
  payload ->> 'prices' as prices, payload -> 'request' as request, payload -> 'response' as response,
  message_id
from audit.message where kind = 'call.finished.v1';
comment on view audit.calls is
'What was sent to the provider and what came back, for each attempt: request, response, tokens, cost, error?
model is as the provider named it, model_asked as we asked; cost_usd is null where the price is not known.
select attempt, model, status, error_type, error, duration_ms, cost_usd, request, response from audit.calls where job_id = ''JOB'' order by at';
