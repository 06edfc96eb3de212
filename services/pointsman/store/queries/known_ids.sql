select distinct message_id from audit.message where message_id = any ($1)
