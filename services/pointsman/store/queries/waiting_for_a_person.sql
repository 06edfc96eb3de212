select job_id from audit.reviews where job_id = any ($1::uuid[]) and state in ('open', 'claimed')
order by deadline, job_id
