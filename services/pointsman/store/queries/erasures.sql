select key_id, subject, erased_at, erased_by, rows, days, jobs, first_at, last_at, digest from audit.erasure
