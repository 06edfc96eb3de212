select * from audit.jobs where job_id = any ($1::uuid[]) order by submitted_at, job_id
