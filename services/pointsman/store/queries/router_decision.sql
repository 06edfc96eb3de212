-- The router's decision, without those that workers add when a job escalates. If the row is encrypted, the source
-- tells them apart.
select topic, partition, "offset", value, privacy from audit.message
where job_id = $1 and kind = 'job.routed.v1'
  and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', source like 'pointsman/worker/%'))
order by audit.happened_at(kind, produced_at, broker_at) desc limit 1
