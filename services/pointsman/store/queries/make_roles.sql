-- Creates group roles without login for the whole cluster. Logins become members. Safe to run repeatedly and
-- concurrently.
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
      when duplicate_object or unique_violation then null;  -- a concurrent migration of another database created it
      when insufficient_privilege then
        raise insufficient_privilege using message = format(
          'role %s is missing and this user may not make it: have an administrator run `create role %s`',
          wanted, wanted);
    end;
  end loop;
end $$
