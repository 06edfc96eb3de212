-- The objects in these schemas, as text for comparison. `definition` is formatted by the server, so it can be
-- compared only with output of the same server.
with ours as (
  select oid, nspname, nspowner from pg_namespace where nspname = any ($1::text[])
), relation as (
  select pg_class.*, ours.nspowner from pg_class join ours on ours.oid = relnamespace
  where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
), held (kind, owner, schema_owner, acl, name, definition) as (
  select 'relation', relowner, nspowner,
    coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner)), relname::text,
    concat_ws(' | ', relkind, case relpersistence when 't' then 'p' else relpersistence end,
      case relkind when 'v' then reloptions::text end, 'row security ' || relrowsecurity || relforcerowsecurity,
      pg_get_partkeydef(relation.oid), pg_get_expr(relpartbound, relation.oid),
      (select string_agg(inhparent::regclass::text, ',') from pg_inherits where inhrelid = relation.oid),
      case when relkind in ('v', 'm') then pg_get_viewdef(relation.oid) end,
      obj_description(relation.oid, 'pg_class'))
  from relation
  union all
  select 'column', null, null, attacl, relname || '.' || attname,
    concat_ws(' | ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
      pg_get_expr(adbin, adrelid), case when attcollation <> 0 then attcollation::regcollation::text end,
      col_description(relation.oid, attnum))
  from relation join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all
  select 'constraint', null, null, null, relname || '.' || conname,
    concat_ws(' | ', pg_get_constraintdef(pg_constraint.oid), convalidated)
  from relation join pg_constraint on conrelid = relation.oid where contype <> 'n'  -- listed with its column
  union all
  select 'index', null, null, null, relation.relname || '.' || indexed.relname,
    concat_ws(' | ', pg_get_indexdef(indexrelid), indisvalid, indisready)
  from relation join pg_index on indrelid = relation.oid join pg_class as indexed on indexed.oid = indexrelid
  union all
  select 'trigger', null, null, null, relname || '.' || tgname,
    concat_ws(' | ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
  from relation join pg_trigger on tgrelid = relation.oid where not tgisinternal
  union all
  select 'rule', null, null, null, relname || '.' || rulename,
    concat_ws(' | ', pg_get_ruledef(pg_rewrite.oid), ev_enabled)
  from relation join pg_rewrite on ev_class = relation.oid where rulename <> '_RETURN' or ev_enabled <> 'O'
  union all
  select 'policy', null, null, null, relname || '.' || polname,
    concat_ws(' | ', polcmd, polpermissive, polroles::regrole[]::text, pg_get_expr(polqual, polrelid),
      pg_get_expr(polwithcheck, polrelid))
  from relation join pg_policy on polrelid = relation.oid
  union all
  select 'function', proowner, nspowner, coalesce(proacl, acldefault('f', proowner)),
    proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')',
    concat_ws(' | ', prokind, lanname, provolatile, prosecdef, proisstrict, proparallel, proleakproof,
      proconfig::text, pg_get_function_arguments(pg_proc.oid), pg_get_function_result(pg_proc.oid),
      coalesce(pg_get_function_sqlbody(pg_proc.oid), prosrc), probin, prosupport::oid,
      obj_description(pg_proc.oid, 'pg_proc'))
  from pg_proc join ours on ours.oid = pronamespace join pg_language on pg_language.oid = prolang
  union all
  select 'type', null, null, null, typname::text, concat_ws(' | ', typtype, format_type(typbasetype, typtypmod))
  from pg_type join ours on ours.oid = typnamespace where typrelid = 0 and typcategory <> 'A'
  union all
  select 'operator', null, null, null, oprname || '(' || oprleft::regtype || ', ' || oprright::regtype || ')',
    oprcode::text
  from pg_operator join ours on ours.oid = oprnamespace
)
select kind, name, definition, owner is distinct from schema_owner as foreign_owner, (
    select string_agg(grantee || '=' || lower(privilege_type) || case when is_grantable then '*' else '' end, ' '
      order by grantee, privilege_type)
    from (select case grantee when 0 then 'public' else grantee::regrole::text end as grantee, privilege_type,
        is_grantable from aclexplode(acl) as one where one.grantee is distinct from owner) as held_by) as grants
from held
