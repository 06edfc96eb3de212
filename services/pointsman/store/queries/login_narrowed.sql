-- Statements that leave the login $1 as a member of $2 only. If $2 is null, they remove all memberships and end its
-- sessions.
select unnest(
  array(select format('alter role %I no%s', $1::text, attribute) from unnest($4::text[]) as attribute)
  || case when $2::text is null then array[]::text[] else array[format('grant %I to %I', $2::text, $1::text)] end
  || array(
    select format('revoke %I from %I', granted.rolname, $1::text)
    from pg_auth_members as held join pg_roles as granted on granted.oid = held.roleid
    join pg_roles as member on member.oid = held.member
    where member.rolname = $1 and granted.rolname is distinct from $2::text)
  || array(
    select format('revoke admin option for %I from %I', granted.rolname, $1::text)
    from pg_auth_members as held join pg_roles as granted on granted.oid = held.roleid
    join pg_roles as member on member.oid = held.member
    where member.rolname = $1 and granted.rolname = $2::text and held.admin_option)
  || case when $3::boolean then array[format('drop owned by %I', $1::text)] else array[]::text[] end
  || case when $2::text is not null then array[]::text[] else array[
    format('alter role %I nologin password null', $1::text),
    format('select pg_terminate_backend(pid) from pg_stat_activity where usename = %L', $1::text)] end)
  as statement
