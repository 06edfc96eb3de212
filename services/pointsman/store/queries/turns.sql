select name from audit.turn order by name
