insert into audit.dropped (day, rows, statement, signature) values ($1, $2, $3, $4) returning id
