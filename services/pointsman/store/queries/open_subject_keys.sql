select key_id, subject, wrapped from audit.open_subject_keys($1)
