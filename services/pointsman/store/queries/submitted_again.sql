select * from (
  select distinct on (job.job_id) job.job_id, message.message_id, message.topic, message.partition,
    message."offset", message.value, message.headers, message.privacy, message.broker_at, job.outcome, job.outcome_reason
  from audit.job join audit.message on message.job_id = job.job_id and message.kind = 'job.submitted.v1'
  where job.first_seen_at >= $1 and job.first_seen_at < $2
    and ($3::text is null or job.agent_id = $3)
    and ($4::text is null or job.tier = $4)
    and ($5::text is null or job.task_kind = $5)
    and ($6::text is null or job.outcome = $6)
    and ($7::text is null or job.outcome_reason = $7)
  order by job.job_id, message.broker_at
) as submitted order by broker_at, job_id
