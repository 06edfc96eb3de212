insert into audit.checkpoint (number, made_at, key_id, message) values ($1, $2, $3, $4)
