-- What our roles may do in this database, from its own catalogue; partitions follow their parent.
with role as (
  select oid, rolname::text as name from pg_roles where rolname in (
    'pointsman_audit_writer', 'pointsman_auditor', 'pointsman_audit_opener', 'pointsman_audit_eraser')
), held as (
  select 'schema' as kind, quote_ident(nspname) as object, nspacl as acl from pg_namespace where nspname = 'audit'
  union all
  select 'table', relnamespace::regnamespace || '.' || quote_ident(relname), relacl from pg_class
  where relnamespace = to_regnamespace('audit') and relkind in ('r', 'p', 'v', 'm') and not relispartition
  union all
  select 'function', oid::regprocedure::text, proacl from pg_proc where pronamespace = to_regnamespace('audit')
)
select role.name as role, held.kind, held.object, lower(granted.privilege_type) as privilege
from held cross join lateral aclexplode(held.acl) as granted join role on role.oid = granted.grantee
order by role.name, array_position(array['schema', 'table', 'function'], held.kind), held.object, privilege
