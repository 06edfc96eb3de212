-- Who keeps large values reads one whose digest it knows, from a record that it may read: it cannot list them, and so
-- a worker of one tier does not come by what another tier was sent. Those who read the record still read all.
create function claims.get(digest bytea) returns bytea
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select content from claims.payload where sha256 = digest
$$;
comment on function claims.get is 'The value under this digest; null where there is none.';
revoke execute on function claims.get from public;
grant execute on function claims.get to pointsman_claims, pointsman_auditor;
revoke select on claims.payload from pointsman_claims;
