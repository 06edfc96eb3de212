select subject, key_id, wrapped from audit.keep_subject_keys($1, $2, $3)
