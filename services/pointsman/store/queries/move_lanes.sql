with move as (
  select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[])
    as move (topic, partition, expected, next_offset)
), moved as (
  update audit.lane set next_offset = move.next_offset, moved_at = clock_timestamp()
  from move
  where lane.topic = move.topic and lane.partition = move.partition and lane.next_offset = move.expected
  returning lane.topic, lane.partition
), begun as (
  insert into audit.lane (topic, partition, next_offset)
  select topic, partition, next_offset from move where expected is null
  on conflict (topic, partition) do nothing
  returning topic, partition
)
select topic, partition from moved union all select topic, partition from begun
