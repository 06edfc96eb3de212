-- Sessions of audit writers that have been idle inside a transaction for too long.
select pg_terminate_backend(pid) from pg_stat_activity
where pid <> pg_backend_pid() and datname = current_database() and usename = current_user
  and application_name = current_setting('application_name')
  and state in ('active', 'idle in transaction') and wait_event = 'ClientRead'
  and xact_start < clock_timestamp() - $1::interval
