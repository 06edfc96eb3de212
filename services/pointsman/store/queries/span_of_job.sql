select topic, partition, min("offset") as first, max("offset") as last from audit.message
where job_id = $1 group by topic, partition order by topic, partition
