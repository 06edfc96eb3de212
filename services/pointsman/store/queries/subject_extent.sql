select key_id, rows, days, jobs, first_at, last_at from audit.subject_extent($1)
