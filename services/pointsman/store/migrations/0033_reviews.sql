-- Cases that a person decided: which they were, who is the bottleneck, and whether asking paid.

create index message_reviews on audit.message (broker_at) where kind = 'review.changed.v1';

create view audit.reviews as
select distinct on (job_id) job_id, agent_id, payload ->> 'queue' as queue, status as state, rule,
  payload #>> '{stop,of}' as what, payload #>> '{stop,source}' as source, payload #>> '{stop,value}' as value,
  (payload #>> '{stop,threshold}')::numeric as threshold, payload #>> '{stop,detail}' as why,
  (payload ->> 'opened')::timestamptz as opened_at, (payload ->> 'deadline')::timestamptz as deadline,
  payload #>> '{claim,by}' as claimed_by,
  case when status not in ('open', 'claimed') then (payload ->> 'at')::timestamptz end as ended_at,
  case when status not in ('open', 'claimed') then payload ->> 'by' end as ended_by,
  payload #>> '{decisions,-1,choice}' as choice, payload #>> '{decisions,-1,reason}' as reason,
  (payload #>> '{decisions,-1,seconds}')::double precision as decision_seconds,
  jsonb_array_length(payload -> 'decisions') as decisions
from audit.message where kind = 'review.changed.v1' and payload is not null
order by job_id, (payload ->> 'revision')::integer desc, broker_at desc, "offset" desc;
comment on view audit.reviews is
'Which cases wait for a person or were decided by one, and why did each stop?
One row for each job, as its case stands; decision_seconds is from the claim to the decision. pointsman review list reads Kafka itself.
select * from audit.reviews order by opened_at desc';

create view audit.review_load as
with decided as (
  -- A change holds all decisions so far; its own is the last, made by whoever changed it.
  select payload ->> 'queue' as queue, payload ->> 'by' as person, payload #> '{decisions,-1}' as decision
  from audit.message
  where kind = 'review.changed.v1' and broker_at >= now() - interval '30 days'
    and payload ->> 'change' in ('approved', 'edited', 'rejected', 'sent', 'first decision', 'disagreed')
), worked as (
  select queue, person, count(*) as decided,
    percentile_cont(0.5) within group (order by (decision ->> 'seconds')::double precision) as median_seconds,
    round(100.0 * count(*) filter (where decision ->> 'choice' = 'approve') / count(*), 1) as approved_percent
  from decided group by queue, person
), waits as (
  select queue, claimed_by as person, count(*) as waiting, min(opened_at) as waiting_since
  from audit.reviews where state in ('open', 'claimed') group by queue, claimed_by
)
select queue, person, coalesce(waiting, 0) as waiting, waiting_since, coalesce(decided, 0) as decided,
  median_seconds, approved_percent
from worked full join waits using (queue, person);
comment on view audit.review_load is
'Who is the bottleneck: how many cases wait in each queue, with whom, and how long does each person take?
person is null for cases that nobody has claimed; decisions are those of the last 30 days. A person who approves nearly everything in a moment may not be looking.
select * from audit.review_load order by waiting_since nulls last';

create view audit.review_results as
select rule, what, source, threshold, count(*) as cases,
  count(*) filter (where state in ('open', 'claimed')) as waiting,
  count(*) filter (where state = 'approved') as approved,
  count(*) filter (where state in ('edited', 'rejected', 'sent')) as changed,
  count(*) filter (where state in ('expired', 'withdrawn')) as undecided,
  round(100.0 * count(*) filter (where state in ('edited', 'rejected', 'sent'))
    / nullif(count(*) filter (where state in ('approved', 'edited', 'rejected', 'sent')), 0), 1) as changed_percent,
  sum(decision_seconds) as person_seconds, max(value::numeric) filter (where state <> 'approved'
    and value ~ '^\d(\.\d{1,18})?$' and state in ('edited', 'rejected', 'sent')) as highest_changed
from audit.reviews where opened_at >= now() - interval '30 days'
group by rule, what, source, threshold;
comment on view audit.review_results is
'Does asking a person pay: how often did people change what they were asked about, by rule and threshold?
Of the last 30 days. highest_changed is the highest confidence at which a person still changed something: a threshold below it would have let that through.
select * from audit.review_results order by cases desc';
