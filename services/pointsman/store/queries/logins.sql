-- Who logs in under a name that begins with $1, or is a member of one of the roles $2; what each may do besides.
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
    order by 1) as granted
from pg_roles as role, pg_database as mine
where role.rolcanlogin and role.rolname <> current_user and mine.datname = current_database()
  and (starts_with(role.rolname, $1) or exists (
    select from pg_auth_members as held join pg_roles as granted on granted.oid = held.roleid
    where held.member = role.oid and granted.rolname = any ($2::text[])))
order by 1
