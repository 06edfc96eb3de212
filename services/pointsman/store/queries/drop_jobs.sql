-- Deletes jobs whose last record is older than this. Their messages are already deleted.
delete from audit.job where last_seen_at < $1
