-- Questions about one job.

create view audit.jobs as
select job_id, agent_id, submitted_at, finished_at,
  coalesce(outcome, case when calls > 0 then 'called' when routes > 0 then 'routed' when dead_letters > 0 then 'dead'
    when asked_at is not null then 'submitted' else 'unreadable' end) as state,
  tier, rule, policy_version, model, calls::bigint as calls, failed_calls::bigint as failed_calls,
  unpriced_calls::bigint as unpriced_calls,
  (case when tokens_in > 9223372036854775807 then 9223372036854775807 else tokens_in end)::bigint as tokens_in,
  (case when tokens_out > 9223372036854775807 then 9223372036854775807 else tokens_out end)::bigint as tokens_out,
  cost_usd, last_error, messages::bigint as messages, finished_at - submitted_at as took, outcome_reason, task_kind,
  prompt_chars, provider, first_tier, routes, last_at, first_seen_at, last_seen_at
from audit.job;
comment on view audit.jobs is
'How does a job stand: state, tier, rule, calls, tokens, cost, how long it took, last error?
state is the status of its outcome (completed, failed, rejected, expired, cancelled), else how far it has come.
select * from audit.jobs where job_id = ''JOB''';

-- As the router counts them: characters of all texts of a chat request, or of a plain job's prompt.
create function audit.prompt_chars(body jsonb) returns integer language sql immutable parallel safe as $$
  select sum(case jsonb_typeof(message -> 'content')
      when 'string' then length(message ->> 'content')
      when 'array' then (select coalesce(sum(length(part ->> 'text')), 0)
        from jsonb_array_elements(message -> 'content') as part where jsonb_typeof(part -> 'text') = 'string')
      else 0 end)::integer
  from jsonb_array_elements(case
    when jsonb_typeof(body -> 'messages') = 'array' then body -> 'messages'
    when jsonb_typeof(body -> 'prompt') = 'string' then
      jsonb_build_array(jsonb_build_object('content', body ->> 'prompt')) end) as message
  where jsonb_typeof(message) = 'object'
$$;
comment on function audit.prompt_chars is 'Characters of text in all messages of a request; null where it has none.';

create view audit.asked as
select distinct on (job_id) job_id, agent_id, job ->> 'kind' as task_kind, job ->> 'tier' as tier_asked,
  audit.prompt_chars(coalesce(job -> 'request', job)) as prompt_chars,
  job ->> 'deadline' as deadline, job -> 'metadata' as metadata,
  coalesce(job #> '{request,messages}', job -> 'messages', job -> 'prompt') as messages,
  audit.happened_at(kind, produced_at, broker_at) as at, message_id
from (
  select *, case kind when 'job.routed.v1' then payload -> 'job' else payload end as job
  from audit.message where kind in ('job.routed.v1', 'job.submitted.v1') and job_id is not null) as message
order by job_id, kind;  -- as it was routed where it was, else as it was submitted
comment on view audit.asked is
'What was asked for: by whom, what kind of task, the messages, their length in characters?
select * from audit.asked where job_id = ''JOB''';

create view audit.stages as
with moment as (
  select job_id, kind, status, tier, provider, model, attempt, error_type, topic, partition, "offset",
    audit.happened_at(kind, produced_at, broker_at) as at,
    case kind when 'call.finished.v1' then (payload ->> 'started_at')::timestamptz end as call_began_at,
    case kind when 'call.finished.v1' then (payload ->> 'started_at')::timestamptz
      + duration_ms * interval '1 millisecond' end as call_ended_at
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
      when kind = 'job.routed.v1' then 'waiting for the router'
      when kind = 'call.finished.v1' and before_kind = 'call.finished.v1' then 'waiting before the next attempt'
      when kind = 'call.finished.v1' then 'waiting for a worker'
      when kind = 'job.submitted.v1' then 'until it was submitted again'
      when audit.is_outcome(kind) then 'writing the outcome'
      else 'until ' || kind end, before_at, coalesce(call_began_at, at)),
  (case when kind = 'call.finished.v1' then 'calling the model' end, call_began_at, call_ended_at)
) as stage (stage, began_at, ended_at)
where stage is not null and began_at is not null;
comment on view audit.stages is
'Where did the time of a job go: waiting for the router, for a worker, before the next attempt, in each call?
took is from began_at to ended_at; clocks of two machines may make it slightly negative.
select stage, took, attempt, status, error_type from audit.stages where job_id = ''JOB'' order by began_at';

create view audit.actors as
select job_id, coalesce(source, agent_id) as actor,
  min(audit.happened_at(kind, produced_at, broker_at)) as first_at,
  max(audit.happened_at(kind, produced_at, broker_at)) as last_at,
  count(*) as messages, array_agg(distinct coalesce(kind, 'unreadable')) as wrote, sum(cost_usd) as cost_usd
from audit.message where job_id is not null group by job_id, coalesce(source, agent_id);
comment on view audit.actors is
'Who acted in a job: the agent, the router, workers, people?
actor is the source that a record names, for an agent its id; wrote are the kinds of its messages.
select * from audit.actors where job_id = ''JOB'' order by first_at';

create view audit.dead_letters as
select audit.happened_at(kind, produced_at, broker_at) as at, error_type as reason, header.detail, header.stage,
  header.origin, agent_id, job_id, source, payload, value, message_id, broker_at
from audit.message cross join lateral (
  select max(pair ->> 1) filter (where pair ->> 0 = 'ce_detail') as detail,
    max(pair ->> 1) filter (where pair ->> 0 = 'ce_stage') as stage,
    max(pair ->> 1) filter (where pair ->> 0 = 'ce_origin') as origin
  from jsonb_array_elements(headers) as pair) as header
where kind = 'job.dead.v1';
comment on view audit.dead_letters is
'What came to nothing because it could not be understood or came twice, why, and where did it stand?
origin is topic/partition@offset of the record as it was found; value are its exact bytes.
select at, reason, detail, agent_id, origin from audit.dead_letters where broker_at > now() - interval ''1 day'' order by at desc limit 20';
