select id, day, dropped_at, rows, statement, signature, digest from audit.dropped order by id
