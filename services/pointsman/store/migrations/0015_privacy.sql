-- What a record said may be masked, or sealed for the subject that it is about, before it is stored. What was done is
-- noted in the row, and the note is part of what the chain covers.
alter table audit.message add column privacy jsonb;
comment on column audit.message.privacy is
  'null: stored as it was on Kafka; else which rules masked something, the digest of what is stored and, where it is sealed, the subject''s keyed hash and the key''s id';
comment on column audit.message.record_sha256 is
  'digest of the whole record as it is on Kafka, a keyed one where privacy has a note; null in rows older than the chain';
create index message_subject on audit.message ((privacy ->> 'subject')) where (privacy ->> 'subject') is not null;

create table audit.subject_key (
  key_id  uuid        primary key,
  subject bytea       not null unique,
  wrapped bytea       not null,
  made_at timestamptz not null default clock_timestamp()
);
comment on table audit.subject_key is
  'The key that a subject''s content is sealed by, wrapped by a master key that is not in the database. Deleting a row erases what it sealed.';
revoke all on audit.subject_key from pointsman_auditor;

create table audit.erasure (
  key_id    uuid        primary key,
  subject   bytea       not null,
  erased_at timestamptz not null default clock_timestamp(),
  erased_by text        not null default session_user,
  rows      bigint      not null,
  days      bigint      not null,
  jobs      bigint      not null,
  first_at  timestamptz,
  last_at   timestamptz
);
comment on table audit.erasure is
  'Each erasure: whose key was deleted (as a keyed hash), by whom, when, and how many rows, UTC days and jobs it sealed.';

create function audit.keep_subject_keys(subjects bytea[], key_ids uuid[], wrapped_keys bytea[])
  returns table (subject bytea, key_id uuid, wrapped bytea)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  insert into audit.subject_key (key_id, subject, wrapped)
  select made.key_id, made.subject, made.wrapped
  from unnest(subjects, key_ids, wrapped_keys) as made (subject, key_id, wrapped)
  where made.wrapped is not null order by made.subject  -- one order for all writers: no deadlock
  on conflict do nothing;
  return query
    select kept.subject, kept.key_id, kept.wrapped from audit.subject_key as kept
    where kept.subject = any (subjects) order by kept.subject for key share;
end $$;
comment on function audit.keep_subject_keys is
  'Adds keys that are new (wrapped is not null), says which key each of these subjects has, and keeps it from being erased until the transaction ends.';

create function audit.open_subject_keys(key_ids uuid[]) returns table (key_id uuid, subject bytea, wrapped bytea)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select kept.key_id, kept.subject, kept.wrapped from audit.subject_key as kept where kept.key_id = any (key_ids)
$$;
comment on function audit.open_subject_keys is 'The wrapped keys with these ids, as far as they were not erased.';

create function audit.subject_extent(of_subject bytea)
  returns table (key_id uuid, rows bigint, days bigint, jobs bigint, first_at timestamptz, last_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select kept.key_id, count(message.topic), count(distinct (broker_at at time zone 'UTC')::date), count(distinct job_id),
    min(broker_at), max(broker_at)
  from audit.subject_key as kept left join audit.message as message
    on message.privacy ->> 'subject' = encode(of_subject, 'hex') and message.privacy ->> 'key' = kept.key_id::text
  where kept.subject = of_subject group by kept.key_id
$$;
comment on function audit.subject_extent is 'What erasing the subject with this hash would erase; no row where it has no key.';

create function audit.erase_subject(of_subject bytea) returns setof audit.erasure
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  gone uuid;
begin
  -- Waits for whoever is storing rows under this key: they are counted, too.
  delete from audit.subject_key as kept where kept.subject = of_subject returning kept.key_id into gone;
  if gone is not null then
    return query
      insert into audit.erasure (key_id, subject, rows, days, jobs, first_at, last_at)
      select gone, of_subject, count(*), count(distinct (broker_at at time zone 'UTC')::date), count(distinct job_id),
        min(broker_at), max(broker_at)
      from audit.message as message
      where message.privacy ->> 'subject' = encode(of_subject, 'hex') and message.privacy ->> 'key' = gone::text
      returning *;
  end if;
end $$;
comment on function audit.erase_subject is
  'Deletes the key of the subject with this hash and puts that on record; no row where it has none.';

revoke execute on function audit.keep_subject_keys, audit.open_subject_keys, audit.subject_extent, audit.erase_subject
  from public;
grant execute on function audit.keep_subject_keys to pointsman_audit_writer;
grant usage on schema audit to pointsman_audit_opener, pointsman_audit_eraser;
grant execute on function audit.open_subject_keys to pointsman_audit_opener;
grant execute on function audit.subject_extent, audit.erase_subject to pointsman_audit_eraser;
