-- Rows below the ends that were fixed.
select count(*) from audit.message join unnest($1::text[], $2::integer[], $3::bigint[]) as fixed (topic, partition, past)
  using (topic, partition)
where "offset" < past
