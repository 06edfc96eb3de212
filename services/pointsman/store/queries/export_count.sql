select count(*) from audit.message where broker_at >= $1 and broker_at < $2
