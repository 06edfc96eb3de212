select count(*) as jobs from audit.message where kind = 'job.routed.v1' and broker_at >= $1 and broker_at < $2
