-- Properties of pointsman's roles and schemas that are not listed with single objects, and default privileges.
with ours as (
  select oid, nspname::text, nspowner, nspacl from pg_namespace where nspname in ('audit', 'claims')
)
select 'schema' as kind, nspname as name, grantee::regrole::text || '=' || lower(privilege_type) as says
from ours, aclexplode(nspacl) where grantee <> nspowner
union all
select 'default', nspname, defaclobjtype::text || ' ' || grantee::regrole::text || '=' || lower(privilege_type)
from pg_default_acl join ours on ours.oid = defaclnamespace, aclexplode(defaclacl)
union all
select 'role', rolname::text, 'may log in, or is more than a group' from pg_roles
where rolname = any ($1::text[])
  and (rolsuper or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication or rolbypassrls)
union all
select 'role', member::regrole::text, 'is a member of ' || roleid::regrole::text from pg_auth_members
where member::regrole::text = any ($1::text[])
union all
select 'role', pg_roles.rolname::text, 'has settings of its own' from pg_db_role_setting
join pg_roles on pg_roles.oid = setrole where pg_roles.rolname = any ($1::text[])
