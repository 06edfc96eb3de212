-- Privileges that roles have beyond or short of what they need, and the statements to correct them. Logins whose name
-- begins with $1 are checked by logins.sql. $2: pointsman's roles.
with part (role, kind, object, privilege) as (values
  ('pointsman_audit_writer', 'schema', 'audit', 'usage'),
  ('pointsman_audit_writer', 'table', 'audit.message', 'insert'),
  ('pointsman_audit_writer', 'table', 'audit.checkpoint', 'insert'),
  ('pointsman_audit_writer', 'function', 'audit.chapters', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.ensure_days', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.hold_lanes', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.keep_subject_keys', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.last_checkpoint', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.lose', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.move_lanes', 'execute'),
  ('pointsman_audit_writer', 'function', 'audit.positions', 'execute'),
  ('pointsman_auditor', 'schema', 'audit', 'usage'),
  ('pointsman_auditor', 'schema', 'claims', 'usage'),
  ('pointsman_auditor', 'table', 'claims.payload', 'select'),
  ('pointsman_auditor', 'table', 'audit.subject_key (key_id)', 'select'),
  ('pointsman_auditor', 'table', 'audit.subject_key (subject)', 'select'),
  ('pointsman_auditor', 'table', 'audit.subject_key (made_at)', 'select'),
  ('pointsman_auditor', 'table', 'audit.subject_key (digest)', 'select'),
  ('pointsman_auditor', 'table', 'audit.subject_key (wrapped_sha256)', 'select'),
  ('pointsman_auditor', 'function', 'claims.get', 'execute'),
  ('pointsman_audit_opener', 'schema', 'audit', 'usage'),
  ('pointsman_audit_opener', 'function', 'audit.open_subject_keys', 'execute'),
  ('pointsman_audit_eraser', 'schema', 'audit', 'usage'),
  ('pointsman_audit_eraser', 'function', 'audit.erase_subject', 'execute'),
  ('pointsman_audit_eraser', 'function', 'audit.subject_extent', 'execute'),
  ('pointsman_claims', 'schema', 'claims', 'usage'),
  ('pointsman_claims', 'function', 'claims.get', 'execute'),
  ('pointsman_claims', 'function', 'claims.put', 'execute')
), ours as (
  select oid, nspname::text as name, nspowner, nspacl from pg_namespace where nspname in ('audit', 'claims')
), thing as (  -- column names are in brackets after the privilege
  select 'schema' as kind, name as object, quote_ident(name) as target, '' as columns, nspowner as owner,
    nspacl as acl, false as is_part, false as for_all
  from ours
  union all
  select case relkind when 'S' then 'sequence' else 'table' end, ours.name || '.' || relname,
    format('%I.%I', ours.name, relname), '', relowner, relacl, relispartition, false
  from pg_class join ours on ours.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select 'table', format('%s.%s (%s)', ours.name, relname, attname), format('%I.%I', ours.name, relname),
    format(' (%I)', attname), relowner, attacl, true, false
  from pg_attribute join pg_class on pg_class.oid = attrelid join ours on ours.oid = relnamespace
  where attnum > 0 and not attisdropped
  union all  -- functions with their caller's rights add no privileges
  select 'function', ours.name || '.' || proname, pg_proc.oid::regprocedure::text, '', proowner,
    coalesce(proacl, acldefault('f', proowner)), false, not prosecdef
  from pg_proc join ours on ours.oid = pronamespace
), held as (
  select coalesce(role.rolname::text, 'PUBLIC') as role, coalesce(quote_ident(role.rolname), 'public') as grantee,
    kind, object, target, columns, lower(privilege_type) as privilege, is_grantable
  from thing cross join lateral aclexplode(acl) as granted left join pg_roles as role on role.oid = granted.grantee
  where granted.grantee <> owner and not (for_all and granted.grantee = 0)
    and not (coalesce(role.rolcanlogin, false) and starts_with(role.rolname, $1))
), judged as (
  select held.*, exists (select from part where (part.role, part.kind, part.object, part.privilege)
      = (held.role, held.kind, held.object, held.privilege))
    or (role, kind, privilege) = ('pointsman_auditor', 'table', 'select') and starts_with(object, 'audit.')
      and object <> 'audit.subject_key' and columns = '' as is_due
  from held
), drift (role, lacks, text, object, statement) as (
  select role, false, format(case when is_due then 'may give others %s on' else 'may %s on' end, privilege),
    kind || ' ' || object,
    format('revoke %s%s%s on %s %s from %s', case when is_due then 'grant option for ' else '' end,
      privilege, columns, kind, target, grantee)
  from judged where not is_due or is_grantable
  union all
  select due.role, true, format('may not %s on', due.privilege), due.kind || ' ' || due.object,
    format('grant %s%s on %s %s to %I', due.privilege, due.columns, due.kind, due.target, due.role)
  from (
    select part.*, target, columns from part join thing on (thing.kind, thing.object) = (part.kind, part.object)
    union all
    select 'pointsman_auditor', 'table', object, 'select', target, columns from thing
    where kind = 'table' and starts_with(object, 'audit.') and object <> 'audit.subject_key' and not is_part
  ) as due
  join pg_roles on rolname = due.role
  where not exists (select from held where (held.role, held.kind, held.object, held.privilege)
    = (due.role, due.kind, due.object, due.privilege))
  union all
  select coalesce(role.rolname::text, 'PUBLIC'), false, format('gets %s on', lower(privilege_type)),
    format('what is made in %s later', ours.name),
    format('alter default privileges for role %I in schema %I revoke %s on %s from %s', maker.rolname, ours.name,
      privilege_type, things, coalesce(quote_ident(role.rolname), 'public'))
  from pg_default_acl join ours on ours.oid = defaclnamespace join pg_roles as maker on maker.oid = defaclrole
  join (values ('r', 'tables'), ('S', 'sequences'), ('f', 'functions'), ('T', 'types')) as word (kind, things)
    on word.kind = defaclobjtype::text
  cross join lateral aclexplode(defaclacl) as granted left join pg_roles as role on role.oid = granted.grantee
  where granted.grantee <> defaclrole
    and (role.rolname, privilege_type, things) is distinct from ('pointsman_auditor', 'SELECT', 'tables')
    and not (coalesce(role.rolcanlogin, false) and starts_with(role.rolname, $1))
  union all
  select rolname::text, false, 'is', attribute, format('alter role %I %s', rolname, undone)
  from pg_roles cross join lateral (values ('superuser', rolsuper, 'nosuperuser'), ('createrole', rolcreaterole, 'nocreaterole'),
    ('createdb', rolcreatedb, 'nocreatedb'), ('replication', rolreplication, 'noreplication'),
    ('bypassrls', rolbypassrls, 'nobypassrls'), ('a login', rolcanlogin, 'nologin')) as has (attribute, is_so, undone)
  where rolname = any ($2::text[]) and is_so
  union all
  select member.rolname::text, false, 'is a member of', granted.rolname::text,
    format('revoke %I from %I', granted.rolname, member.rolname)
  from pg_auth_members as membership join pg_roles as member on member.oid = membership.member
  join pg_roles as granted on granted.oid = membership.roleid
  where member.rolname = any ($2::text[])
)
select role, lacks, text || ' ' || array_to_string((array_agg(object order by object))[:3], ', ')
    || case when count(*) > 3 then format(' and %s more', count(*) - 3) else '' end as detail,
  array_agg(statement order by statement) as statements
from drift group by role, lacks, text order by role, lacks, text
