-- $1: start time.
select agent_id, jobs, refused_jobs, cost_usd, tiers, first_at, last_at from audit.agents($1)
