select topic, partition, min("offset") as first, max("offset") as last from audit.message
where broker_at >= $1 and broker_at < $1 + interval '1 day' group by topic, partition order by topic, partition
