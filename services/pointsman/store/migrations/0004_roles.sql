-- The writer adds rows and moves positions forward; the auditor reads. Neither changes or removes anything.
grant usage on schema audit to pointsman_audit_writer, pointsman_auditor;
grant insert on audit.message to pointsman_audit_writer;
grant select on all tables in schema audit to pointsman_auditor;
alter default privileges in schema audit grant select on tables to pointsman_auditor;

-- Positions are updated, and INSERT alone cannot do that. A grant of UPDATE would let the writer set any position,
-- and so have rows stored twice or left out; these functions, with their owner's rights, only move one forward
-- from where it is believed to be.
create function audit.positions(topics text[], partitions integer[])
  returns table (topic text, partition integer, next_offset bigint)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select lane.topic, lane.partition, lane.next_offset
  from audit.lane join unnest(topics, partitions) as asked (topic, partition) using (topic, partition)
$$;
comment on function audit.positions is 'How far each of these lanes is stored; none for those that nothing is stored of.';

create function audit.move_lanes(topics text[], partitions integer[], expected bigint[], next_offsets bigint[])
  returns table (topic text, partition integer)
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with move as (
    select * from unnest(topics, partitions, expected, next_offsets)
      as move (topic, partition, expected, next_offset)
    where next_offset >= coalesce(expected, 0)
  ), moved as (
    update audit.lane set next_offset = move.next_offset, moved_at = clock_timestamp()
    from move
    where lane.topic = move.topic and lane.partition = move.partition and lane.next_offset = move.expected
    returning lane.topic, lane.partition
  ), begun as (
    insert into audit.lane (topic, partition, next_offset)
    select move.topic, move.partition, move.next_offset from move where move.expected is null
    on conflict do nothing
    returning lane.topic, lane.partition
  )
  select * from moved union all select * from begun
$$;
comment on function audit.move_lanes is
  'Moves each lane from where it must stand (null: nowhere yet) forward; returns those that stood there.';

-- Days become tables of the owner's, so that the writer owns nothing which it could then change.
alter function audit.ensure_days security definer;
alter function audit.ensure_days set search_path = pg_catalog, pg_temp;

revoke execute on function audit.positions, audit.move_lanes, audit.ensure_days from public;
grant execute on function audit.positions, audit.move_lanes, audit.ensure_days to pointsman_audit_writer;
