-- What a routed job waited for: the router, a second opinion, or, on its way up in a cascade, its answer being judged.

create or replace view audit.stages as
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
comment on view audit.stages is
'Where did the time of a job go: waiting for the router, a second opinion, a worker, the next attempt, in each call?
took is from began_at to ended_at; clocks of two machines may make it slightly negative. In a cascade each tier''s answer is judged before the job goes up.
select stage, took, tier, attempt, status, error_type from audit.stages where job_id = ''JOB'' order by began_at';
