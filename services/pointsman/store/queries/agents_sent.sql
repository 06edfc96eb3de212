-- Records that agents sent, in a time span or about a job, in the broker's order, and whether the router made a job
-- of each.
select topic, partition, "offset", agent_id, headers::text as headers, value, broker_at,
  privacy is not null as hidden,
  exists (
    select from audit.message as made
    where made.job_id = sent.job_id and made.causation_id = sent.message_id
      and made.kind in ('job.routed.v1', 'job.undecided.v1')
  ) as routed
from audit.message as sent
where topic = any ($1::text[]) and broker_at >= $2 and broker_at < $3 and ($4::uuid is null or job_id = $4)
order by broker_at, topic, partition, "offset"
