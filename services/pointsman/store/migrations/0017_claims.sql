-- Large values that do not travel in their records (claim check): what is here is referred to by its digest.
-- A schema of its own, with a role of its own: who keeps values here sees nothing of the audit.
create schema claims;
comment on schema claims is 'Large values under their SHA-256, where POINTSMAN_CLAIMS names this database.';

create table claims.payload (
  sha256  bytea primary key,
  content bytea not null,
  put_at  timestamptz not null default clock_timestamp(),
  check (sha256 = pg_catalog.sha256(content))
);
alter table claims.payload alter column content set storage external;  -- as it is: nothing waits for a compressor
comment on table claims.payload is 'Whole values of records; `ce_dataref` of a record names one.';
comment on column claims.payload.put_at is 'when it was last put there';

-- With its owner's rights: the role adds values, and makes one young that it puts again; it changes none.
create function claims.put(digest bytea, value bytea) returns void
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into claims.payload (sha256, content) values (digest, value)
  on conflict (sha256) do update set put_at = clock_timestamp()
$$;
comment on function claims.put is 'Keeps a value under its digest; once more makes it young.';
revoke execute on function claims.put from public;

grant usage on schema claims to pointsman_claims, pointsman_auditor;
grant execute on function claims.put to pointsman_claims;
grant select on claims.payload to pointsman_claims, pointsman_auditor;
