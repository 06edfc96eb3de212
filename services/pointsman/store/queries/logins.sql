-- Logins whose name begins with $1, and all other logins with access to pointsman's objects: superusers, replication,
-- and direct or indirect members of one of the roles $2, of the owner, or of a predefined Postgres role that reads or
-- writes all data.
with strong as (
  select oid, rolname::text as name from pg_roles
  where rolname = any ($2::text[]) or rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
      'pg_write_server_files', 'pg_execute_server_program')
    or oid in (select nspowner from pg_namespace where nspname in ('audit', 'claims'))
    or oid in (select relowner from pg_class join pg_namespace as place on place.oid = relnamespace
      where nspname in ('audit', 'claims'))
)
select role.rolname::text as name,
  array(
    select granted.rolname::text || case when held.admin_option then ' with admin option' else '' end
    from pg_auth_members as held join pg_roles as granted on granted.oid = held.roleid
    where held.member = role.oid order by 1) as roles,
  array(
    select attribute from (values
      ('superuser', role.rolsuper), ('createrole', role.rolcreaterole), ('createdb', role.rolcreatedb),
      ('replication', role.rolreplication), ('bypassrls', role.rolbypassrls)) as has (attribute, is_so)
    where is_so) as attributes,
  array(
    select distinct case when hold.dbid in (0, mine.oid) then pg_describe_object(hold.classid, hold.objid, 0)
      else 'something in another database' end
    from pg_shdepend as hold
    where hold.refclassid = 'pg_authid'::regclass and hold.refobjid = role.oid and hold.deptype = 'o'
    order by 1) as owns,
  array(
    select distinct case when hold.dbid in (0, mine.oid) then pg_describe_object(hold.classid, hold.objid, 0)
      else 'something in another database' end
    from pg_shdepend as hold
    where hold.refclassid = 'pg_authid'::regclass and hold.refobjid = role.oid and hold.deptype = 'a'
      and not (hold.dbid = 0 and hold.classid = 'pg_auth_members'::regclass)
    order by 1) as granted,
  array(
    select strong.name from strong
    where not role.rolsuper and strong.oid <> role.oid and pg_has_role(role.oid, strong.oid, 'member')
      and not exists (select from pg_auth_members as held where held.member = role.oid and held.roleid = strong.oid)
    order by 1) as reaches
from pg_roles as role, pg_database as mine
where role.rolcanlogin and role.rolname <> current_user and mine.datname = current_database()
  and (starts_with(role.rolname, $1) or role.rolsuper or role.rolreplication
    -- before Postgres 16 such a login can make itself a member of any role
    or role.rolcreaterole and current_setting('server_version_num')::integer < 160000
    or exists (select from strong where strong.oid <> role.oid and pg_has_role(role.oid, strong.oid, 'member')))
order by 1
