-- The newest checkpoints that came back from the bus: what is signed there must be in audit.checkpoint, too.
select value from audit.message where kind = 'audit.checkpoint.v1' and value is not null
order by broker_at desc limit $1
