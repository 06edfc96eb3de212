select distinct job_id from audit.message where job_id between $1 and $2 order by job_id limit $3
