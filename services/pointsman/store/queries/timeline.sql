select * from audit.timeline where job_id = $1
order by at, audit.step_of(kind), topic, partition, "offset"
