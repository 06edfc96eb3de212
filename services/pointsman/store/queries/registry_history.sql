-- All records of the registry topic, in order.
select topic, partition, "offset", key, value, headers::text as headers, broker_at from audit.message where topic = $1 and value is not null order by broker_at, partition, "offset"
