-- Privileges of pointsman's roles in this database. Partitions have those of their parent.
with role as (
  select oid, rolname::text as name from pg_roles where rolname in (
    'pointsman_audit_writer', 'pointsman_auditor', 'pointsman_audit_opener', 'pointsman_audit_eraser',
    'pointsman_claims')
), ours as (
  select oid, nspname, nspacl from pg_namespace where nspname in ('audit', 'claims')
), held as (
  select 'schema' as kind, quote_ident(nspname) as object, nspacl as acl from ours
  union all
  select 'table', relnamespace::regnamespace || '.' || quote_ident(relname), relacl from pg_class
  where relnamespace in (select oid from ours) and relkind in ('r', 'p', 'v', 'm') and not relispartition
  union all
  select 'function', oid::regprocedure::text, proacl from pg_proc where pronamespace in (select oid from ours)
)
select role.name as role, held.kind, held.object, lower(granted.privilege_type) as privilege
from held cross join lateral aclexplode(held.acl) as granted join role on role.oid = granted.grantee
order by role.name, array_position(array['schema', 'table', 'function'], held.kind), held.object, privilege
