select topic, partition, "offset", value, privacy from audit.message
where job_id = $1 and privacy ->> 'key' is not null
