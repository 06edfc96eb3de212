-- Records that the router answered with a dead letter.
select found.topic, found.partition, found."offset"
from unnest($1::text[], $2::integer[], $3::bigint[], $4::jsonb[]) as asked (topic, partition, "offset", origin)
join audit.message as found using (topic, partition, "offset")
where exists (
    select from audit.message as letter
    where letter.kind = 'job.dead.v1' and letter.headers @> asked.origin and letter.value = found.value)
