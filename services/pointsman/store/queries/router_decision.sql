-- What the router decided; what workers added as the job went up in its cascade is left out.
select value from audit.message where job_id = $1 and kind = 'job.routed.v1' and (rule is distinct from 'cascade' or not coalesce(payload ? 'steps', false))
order by audit.happened_at(kind, produced_at, broker_at) desc limit 1
