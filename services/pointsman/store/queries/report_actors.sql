select actor, first_at, last_at, messages, wrote, cost_usd from audit.actors where job_id = $1 order by first_at
