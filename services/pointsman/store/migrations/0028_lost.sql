create table audit.lost (
  topic        text        not null,
  partition    integer     not null,
  first_offset bigint      not null,
  next_offset  bigint      not null,
  noticed_at   timestamptz not null,
  digest       bytea       not null,
  primary key (topic, partition, first_offset)
);
comment on table audit.lost is
  'Offsets that retention deleted from Kafka before the audit read them: from first_offset to before next_offset.';

create function audit.lose(topic text, partition integer, first_offset bigint, next_offset bigint) returns void
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into audit.lost (topic, partition, first_offset, next_offset, noticed_at, digest)
  select topic, partition, first_offset, next_offset, clock.now, audit.digest_of('lost', topic, partition::text,
    first_offset::text, next_offset::text, audit.microseconds(clock.now))
  from (select clock_timestamp() as now) as clock on conflict do nothing
$$;
comment on function audit.lose is 'Puts on record that the audit did not read these offsets, as they were deleted.';
revoke execute on function audit.lose from public;
grant execute on function audit.lose to pointsman_audit_writer;
