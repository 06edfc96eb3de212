select key_id, rows, days, jobs, first_at, last_at from audit.erase_subject($1)
