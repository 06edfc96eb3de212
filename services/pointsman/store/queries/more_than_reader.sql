-- Privileges of the login beyond those of a member of pointsman_auditor; null if there are none. SET ROLE is ignored,
-- because a statement can undo it.
with login as (
  select * from pg_catalog.pg_roles where rolname = session_user
), held as (
  select role.oid, role.rolname, role.rolsuper or role.rolcreaterole or role.rolbypassrls or role.rolreplication
    or role.rolcreatedb as strong
  from pg_catalog.pg_roles as role, login
  where role.oid <> login.oid and pg_catalog.pg_has_role(login.oid, role.oid, 'member')
), ours as (
  select oid, nspname, nspowner from pg_catalog.pg_namespace where nspname in ('audit', 'claims')
), more (place, said) as (
  select 1, 'it is a superuser' from login where rolsuper
  union all
  select 2, 'it may make roles, databases or replicas, or pass row level security' from login
  where rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
  union all
  select 3, 'it is a member of ' || string_agg(rolname, ', ' order by rolname) from held
  where rolname <> 'pointsman_auditor' or strong having count(*) > 0
  union all
  select 4, 'it owns the database' from pg_catalog.pg_database, login
  where datname = current_database() and datdba = login.oid
  union all
  select 5, 'it owns ' || string_agg(name, ', ' order by name) from (
    select 'the schema ' || nspname as name from ours, login where nspowner = login.oid
    union all
    select nspname || '.' || relname from pg_catalog.pg_class join ours on ours.oid = relnamespace, login
    where relowner = login.oid and relkind <> 'i'
    union all
    select nspname || '.' || proname from pg_catalog.pg_proc join ours on ours.oid = pronamespace, login
    where proowner = login.oid) as owned having count(*) > 0
  union all
  select 6, 'it may change ' || string_agg(nspname || '.' || relname, ', ' order by nspname, relname)
  from pg_catalog.pg_class join ours on ours.oid = relnamespace, login
  where relkind in ('r', 'p', 'v', 'm') and (pg_catalog.has_table_privilege(login.oid, pg_class.oid, 'insert')
    or pg_catalog.has_table_privilege(login.oid, pg_class.oid, 'update')
    or pg_catalog.has_table_privilege(login.oid, pg_class.oid, 'delete')
    or pg_catalog.has_table_privilege(login.oid, pg_class.oid, 'truncate')) having count(*) > 0
)
select said from more order by place limit 1
