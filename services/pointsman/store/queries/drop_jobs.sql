-- Jobs that were last heard of before this: their messages are gone.
delete from audit.job where last_seen_at < $1
