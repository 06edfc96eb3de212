-- Few outcomes are of a cascade, and only their payload tells: without these each question about cascades reads all.
create index message_accepted on audit.message (broker_at)
  where kind = 'job.completed.v1' and payload #>> '{cascade,-1,accepted}' = 'true';
create index message_climbed on audit.message (broker_at) where kind = 'job.routed.v1' and rule = 'cascade';
