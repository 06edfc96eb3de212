-- Group roles without login, of the whole cluster; who logs in is made a member. Safe at any time, by any number.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['pointsman_audit_writer', 'pointsman_auditor', 'pointsman_audit_opener',
      'pointsman_audit_eraser', 'pointsman_claims'] loop
    continue when exists (select from pg_catalog.pg_roles where rolname = wanted);
    begin
      execute format('create role %I nologin', wanted);
    exception
      when duplicate_object or unique_violation then null;  -- another database's migration was quicker
      when insufficient_privilege then
        raise insufficient_privilege using message = format(
          'role %s is missing and this user may not make it: have an administrator run `create role %s`',
          wanted, wanted);
    end;
  end loop;
end $$
