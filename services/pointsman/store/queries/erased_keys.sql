select key_id from audit.erasure where key_id = any ($1)
