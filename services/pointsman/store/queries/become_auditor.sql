-- Queries run with the auditor's rights if the login may assume them, even if it has more.
select set_config('role', 'pointsman_auditor', true)
from pg_catalog.pg_roles
where rolname = 'pointsman_auditor' and pg_has_role(current_user, oid, 'member')
  and has_schema_privilege(oid, 'audit', 'usage')
