select number, message, made_at, key_id from audit.checkpoint order by number
