select job_id, message_id, topic, partition, "offset", value, headers, privacy, broker_at,
  'dead' as outcome, error_type as outcome_reason
from audit.message
where kind = 'job.dead.v1' and broker_at >= $1 and broker_at < $2
  and (exists (
    select from jsonb_array_elements(headers) as pair where pair = '["ce_stage", "router"]'::jsonb)
    or (privacy ->> 'key' is not null and source = 'pointsman/router'))  -- the headers are encrypted as well
  and ($3::text is null or agent_id = $3)
  and ($4::text is null or error_type = $4)
order by broker_at, topic, partition, "offset"
