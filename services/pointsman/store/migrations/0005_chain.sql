-- Rows from before this migration have no digest and no link: their lanes' chains begin behind them.
alter table audit.message add column timestamp_ms bigint, add column record_sha256 bytea, add column chain bytea;
comment on column audit.message.timestamp_ms is 'the record''s Kafka timestamp as it is; broker_at is the same where a date can hold it';
comment on column audit.message.record_sha256 is 'digest of the whole record as it is on Kafka; null in rows older than the chain';
comment on column audit.message.chain is 'digest of the link of the row before in this lane, and of every column of this row';

alter table audit.lane add column chain bytea, add column rows bigint not null default 0,
  add column chained_from bigint not null default 0;
update audit.lane set chained_from = next_offset;
comment on column audit.lane.chain is 'link of the last row; null before the first one';
comment on column audit.lane.rows is 'how many rows the chain has';
comment on column audit.lane.chained_from is 'rows with smaller offsets are older than the chain, which cannot vouch for them';

drop function audit.move_lanes;

-- In two steps, with the rows between them: what a row is chained to is known only once nobody else moves the lane.
create function audit.hold_lanes(topics text[], partitions integer[], expected bigint[])
  returns table (
    topic text, partition integer, chain bytea, rows bigint, chained_from bigint, clock timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with begun as (
      insert into audit.lane (topic, partition, next_offset)
      select held.topic, held.partition, 0
      from unnest(topics, partitions, expected) as held (topic, partition, expected)
      where held.expected is null order by held.topic, held.partition
      on conflict do nothing
      returning lane.topic, lane.partition
    ) select begun.topic, begun.partition, null::bytea, 0::bigint, 0::bigint, clock_timestamp() from begun;
  return query
    select lane.topic, lane.partition, lane.chain, lane.rows, lane.chained_from, clock_timestamp()
    from audit.lane join unnest(topics, partitions, expected) as held (topic, partition, expected)
      on lane.topic = held.topic and lane.partition = held.partition and lane.next_offset = held.expected
    order by lane.topic, lane.partition
    for update of lane;
end $$;
comment on function audit.hold_lanes is
  'Locks each lane that stands where it must (null: nowhere yet) and says what its next row follows from.';

create function audit.move_lanes(
    topics text[], partitions integer[], expected bigint[], next_offsets bigint[], chains bytea[], added bigint[])
  returns bigint
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with moved as (
    update audit.lane set next_offset = move.next_offset, chain = move.chain,
      rows = lane.rows + move.added, moved_at = clock_timestamp()
    from unnest(topics, partitions, expected, next_offsets, chains, added)
      as move (topic, partition, expected, next_offset, chain, added)
    where lane.topic = move.topic and lane.partition = move.partition
      and lane.next_offset = move.expected
      and move.next_offset >= lane.next_offset and move.added >= 0
    returning 1
  ) select count(*) from moved
$$;
comment on function audit.move_lanes is
  'Moves each lane from where it must stand forward, with the link of its last row; returns how many stood there.';

revoke execute on function audit.hold_lanes, audit.move_lanes from public;
grant execute on function audit.hold_lanes, audit.move_lanes to pointsman_audit_writer;

-- Whether the payload still is the value; in a function, as a value that is no JSON would end the whole query.
create function audit.payload_fits(payload jsonb, value bytea) returns boolean
  language plpgsql immutable parallel safe as $$
begin
  return payload is null or coalesce(payload = convert_from(value, 'UTF8')::jsonb, false);
exception when others then
  return false;
end $$;

create table audit.checkpoint (
  number  bigint      primary key,
  made_at timestamptz not null,
  key_id  text        not null,
  message bytea       not null
);
comment on table audit.checkpoint is
  'Signed statements of where the lanes'' chains stood; the same bytes go to the topic audit.checkpoints.';
grant insert on audit.checkpoint to pointsman_audit_writer;

create function audit.last_checkpoint() returns table (number bigint, message bytea)
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  -- Two audit processes take turns; the lock ends with the transaction that adds the next one.
  select pg_advisory_xact_lock(hashtextextended('audit.checkpoint', 0));
  select number, message from audit.checkpoint order by number desc limit 1
$$;
comment on function audit.last_checkpoint is 'The checkpoint that the next one follows; holds a lock to the end of the transaction.';
revoke execute on function audit.last_checkpoint from public;
grant execute on function audit.last_checkpoint to pointsman_audit_writer;
