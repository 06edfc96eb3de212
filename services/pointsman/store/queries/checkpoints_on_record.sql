-- The newest checkpoints read back from Kafka. Each must be in audit.checkpoint as well.
select value from audit.message where kind = 'audit.checkpoint.v1' and value is not null
order by broker_at desc limit $1
