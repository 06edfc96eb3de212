select job_id, ended_at, ended_by, choice, reason, value
from audit.reviews
where rule = $1 and agent_id = $2 and job_id <> $3 and choice is not null and ended_at is not null and not seeded
order by ended_at desc limit $4
