select * from audit.message where broker_at >= $1 and broker_at < $2 order by topic, partition, "offset"
