-- One pass over the template jobs: the same messages with ids, places and times of their own. {columns} are those
-- that stay as they are. Job ids begin with their time, as UUIDv7 does.
insert into audit.message (topic, partition, "offset", message_id, causation_id, job_id, produced_at, broker_at,
  recorded_at, payload, {columns})
select topic, (job % 4)::integer, $1::bigint * 10 + place,
  md5(message_id::text || $1::bigint)::uuid, md5(causation_id::text || $1::bigint)::uuid, pass.job_id,
  began_at + seconds * interval '1 second', began_at + seconds * interval '1 second',
  began_at + (seconds + 0.03) * interval '1 second',
  case kind when 'call.finished.v1' then jsonb_set(payload, '{started_at}',
    to_jsonb(began_at + (seconds - duration_ms / 1000) * interval '1 second')) else payload end, {columns}
from bench_template
cross join lateral (
  select $2::timestamptz + job * $3::interval as began_at) as time
cross join lateral (
  select (lpad(to_hex((extract(epoch from began_at) * 1000)::bigint), 12, '0') || '7'
    || substr(md5($1::bigint || ':' || job), 1, 3) || 'a' || substr(md5($1::bigint || ':' || job), 4, 15))::uuid as job_id) as pass
order by began_at + seconds * interval '1 second'
