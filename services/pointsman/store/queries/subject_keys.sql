select key_id, subject, made_at, wrapped_sha256, digest from audit.subject_key
