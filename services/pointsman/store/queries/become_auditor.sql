-- A question is asked with the auditor's rights, whoever has logged in, where that may be.
select set_config('role', 'pointsman_auditor', true)
from pg_catalog.pg_roles
where rolname = 'pointsman_auditor' and pg_has_role(current_user, oid, 'member')
  and has_schema_privilege(oid, 'audit', 'usage')
