select statement, signature from audit.dropped order by id
