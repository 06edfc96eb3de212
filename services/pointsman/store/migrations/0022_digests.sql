-- What is not made from the messages and stands in no chain has a digest of each whole row, so that a change of any
-- column shows. The functions that write these rows make it, not a trigger: that would make it anew for a forger, too.
create function audit.digest_of(variadic parts text[]) returns bytea language sql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$ select sha256(convert_to(array_to_string(parts, E'\n', '-'), 'UTF8')) $$;
comment on function audit.digest_of is 'SHA-256 of the parts, each on a line of its own, - for null.';
create function audit.microseconds(at timestamptz) returns text language sql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$ select (extract(epoch from at) * 1000000)::bigint::text $$;
comment on function audit.microseconds is 'Microseconds since 1970.';
revoke execute on function audit.digest_of, audit.microseconds from public;

alter table audit.lane add column digest bytea;
comment on column audit.lane.digest is 'of topic, partition, next_offset, moved_at, chain, rows and chained_from';
create function audit.lane_digest(topic text, partition integer, next_offset bigint, moved_at timestamptz, chain bytea,
    rows bigint, chained_from bigint) returns bytea
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select audit.digest_of('lane', topic, partition::text, next_offset::text, audit.microseconds(moved_at),
    encode(chain, 'hex'), rows::text, chained_from::text)
$$;
revoke execute on function audit.lane_digest from public;
update audit.lane set digest = audit.lane_digest(topic, partition, next_offset, moved_at, chain, rows, chained_from);

create or replace function audit.hold_lanes(topics text[], partitions integer[], expected bigint[])
  returns table (
    topic text, partition integer, chain bytea, rows bigint, chained_from bigint, clock timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  now timestamptz := clock_timestamp();
begin
  return query
    with begun as (
      insert into audit.lane (topic, partition, next_offset, moved_at, digest)
      select held.topic, held.partition, 0, now,
        audit.lane_digest(held.topic, held.partition, 0, now, null, 0, 0)
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

create or replace function audit.move_lanes(
    topics text[], partitions integer[], expected bigint[], next_offsets bigint[], chains bytea[], added bigint[])
  returns bigint
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with clock as materialized (
    select clock_timestamp() as now
  ), moved as (
    update audit.lane set next_offset = move.next_offset, chain = move.chain,
      rows = lane.rows + move.added, moved_at = clock.now,
      digest = audit.lane_digest(lane.topic, lane.partition, move.next_offset, clock.now, move.chain,
        lane.rows + move.added, lane.chained_from)
    from clock, unnest(topics, partitions, expected, next_offsets, chains, added)
      as move (topic, partition, expected, next_offset, chain, added)
    where lane.topic = move.topic and lane.partition = move.partition
      and lane.next_offset = move.expected
      and move.next_offset >= lane.next_offset and move.added >= 0
    returning 1
  ) select count(*) from moved
$$;

-- Names of subjects' keys are in the rows that they seal; an auditor may see which of them are there, and that they
-- are as they were, not the keys themselves.
alter table audit.subject_key add column digest bytea,
  add column wrapped_sha256 bytea generated always as (sha256(wrapped)) stored;
create function audit.subject_key_digest(key_id uuid, subject bytea, wrapped bytea, made_at timestamptz) returns bytea
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select audit.digest_of('subject_key', key_id::text, encode(subject, 'hex'), encode(sha256(wrapped), 'hex'),
    audit.microseconds(made_at))
$$;
revoke execute on function audit.subject_key_digest from public;
update audit.subject_key set digest = audit.subject_key_digest(key_id, subject, wrapped, made_at);
grant select (key_id, subject, made_at, digest, wrapped_sha256) on audit.subject_key to pointsman_auditor;

create or replace function audit.keep_subject_keys(subjects bytea[], key_ids uuid[], wrapped_keys bytea[])
  returns table (subject bytea, key_id uuid, wrapped bytea)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  now timestamptz := clock_timestamp();
begin
  insert into audit.subject_key (key_id, subject, wrapped, made_at, digest)
  select made.key_id, made.subject, made.wrapped, now,
    audit.subject_key_digest(made.key_id, made.subject, made.wrapped, now)
  from unnest(subjects, key_ids, wrapped_keys) as made (subject, key_id, wrapped)
  where made.wrapped is not null order by made.subject  -- one order for all writers: no deadlock
  on conflict do nothing;
  return query
    select kept.subject, kept.key_id, kept.wrapped from audit.subject_key as kept
    where kept.subject = any (subjects) order by kept.subject for key share;
end $$;

alter table audit.erasure add column digest bytea;
create function audit.erasure_digest(erasure audit.erasure) returns bytea
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select audit.digest_of('erasure', erasure.key_id::text, encode(erasure.subject, 'hex'),
    audit.microseconds(erasure.erased_at), erasure.erased_by, erasure.rows::text, erasure.days::text,
    erasure.jobs::text, audit.microseconds(erasure.first_at), audit.microseconds(erasure.last_at))
$$;
revoke execute on function audit.erasure_digest from public;
update audit.erasure set digest = audit.erasure_digest(erasure);

create or replace function audit.erase_subject(of_subject bytea) returns setof audit.erasure
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  gone uuid;
  mark audit.erasure;
begin
  -- Waits for whoever is storing rows under this key: they are counted, too.
  delete from audit.subject_key as kept where kept.subject = of_subject returning kept.key_id into gone;
  if gone is not null then
    select gone, of_subject, clock_timestamp(), session_user, count(*),
      count(distinct (broker_at at time zone 'UTC')::date), count(distinct job_id), min(broker_at), max(broker_at)
    into mark from audit.message as message
    where message.privacy ->> 'subject' = encode(of_subject, 'hex') and message.privacy ->> 'key' = gone::text;
    mark.digest := audit.erasure_digest(mark);
    insert into audit.erasure select mark.*;
    return next mark;
  end if;
end $$;

alter table audit.dropped add column digest bytea;
create function audit.dropped_digest(dropped audit.dropped) returns bytea
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select audit.digest_of('dropped', dropped.id::text, dropped.day::text, audit.microseconds(dropped.dropped_at),
    dropped.rows::text, encode(dropped.statement, 'hex'), dropped.signature)
$$;
revoke execute on function audit.dropped_digest from public;
update audit.dropped set digest = audit.dropped_digest(dropped);

alter table audit.migration add column digest bytea;
grant select on audit.turn to pointsman_auditor;  -- to lock a row takes more

-- Whether a payload is its value is for who verifies to say, not for the database.
drop function audit.payload_fits;
