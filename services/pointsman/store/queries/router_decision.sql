-- What the router decided; what workers added as the job went up in its cascade is left out (by who wrote it, where the
-- rest is sealed).
select topic, partition, "offset", value, privacy from audit.message
where job_id = $1 and kind = 'job.routed.v1'
  and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', source like 'pointsman/worker/%'))
order by audit.happened_at(kind, produced_at, broker_at) desc limit 1
