-- Tests among the cases: which those were, and who approved them.

create or replace view audit.reviews as
select distinct on (job_id) job_id, agent_id, payload ->> 'queue' as queue, status as state, rule,
  payload #>> '{stop,of}' as what, payload #>> '{stop,source}' as source, payload #>> '{stop,value}' as value,
  (payload #>> '{stop,threshold}')::numeric as threshold, payload #>> '{stop,detail}' as why,
  (payload ->> 'opened')::timestamptz as opened_at, (payload ->> 'deadline')::timestamptz as deadline,
  payload #>> '{claim,by}' as claimed_by,
  case when status not in ('open', 'claimed') then (payload ->> 'at')::timestamptz end as ended_at,
  case when status not in ('open', 'claimed') then payload ->> 'by' end as ended_by,
  payload #>> '{decisions,-1,choice}' as choice, payload #>> '{decisions,-1,reason}' as reason,
  (payload #>> '{decisions,-1,seconds}')::double precision as decision_seconds,
  jsonb_array_length(payload -> 'decisions') as decisions,
  coalesce((payload ->> 'seeded')::boolean, false) as seeded
from audit.message where kind = 'review.changed.v1' and payload is not null
order by job_id, (payload ->> 'revision')::integer desc, broker_at desc, "offset" desc;
comment on view audit.reviews is
'Which cases wait for a person or were decided by one, and why did each stop?
One row for each job, as its case stands; decision_seconds is from the claim to the decision. A case that was seeded was a test, of which there is no job; that is told when it has ended. pointsman review list reads Kafka itself.
select * from audit.reviews order by opened_at desc';

create or replace view audit.review_results as
select rule, what, source, threshold, count(*) as cases,
  count(*) filter (where state in ('open', 'claimed')) as waiting,
  count(*) filter (where state = 'approved') as approved,
  count(*) filter (where state in ('edited', 'rejected', 'sent')) as changed,
  count(*) filter (where state in ('expired', 'withdrawn')) as undecided,
  round(100.0 * count(*) filter (where state in ('edited', 'rejected', 'sent'))
    / nullif(count(*) filter (where state in ('approved', 'edited', 'rejected', 'sent')), 0), 1) as changed_percent,
  sum(decision_seconds) as person_seconds, max(value::numeric) filter (where state <> 'approved'
    and value ~ '^\d(\.\d{1,18})?$' and state in ('edited', 'rejected', 'sent')) as highest_changed
from audit.reviews where opened_at >= now() - interval '30 days' and not seeded
group by rule, what, source, threshold;

create view audit.review_tests as
select payload ->> 'queue' as queue, decision ->> 'by' as person, count(*) as tests,
  count(*) filter (where decision ->> 'choice' = 'approve') as approved,
  max((decision ->> 'at')::timestamptz) filter (where decision ->> 'choice' = 'approve') as last_approved_at,
  percentile_cont(0.5) within group (order by (decision ->> 'seconds')::double precision) as median_seconds
from audit.message cross join lateral jsonb_array_elements(payload -> 'decisions') as decided (decision)
where kind = 'review.changed.v1' and broker_at >= now() - interval '90 days' and payload ->> 'seeded' = 'true'
group by 1, 2;
comment on view audit.review_tests is
'Who approves without looking: of the test cases, whose answer is to another question, how many did each person approve?
Of the last 90 days. Whoever reads an answer approves none. The cases themselves: select * from audit.reviews where seeded.
select * from audit.review_tests order by approved desc, tests desc';
