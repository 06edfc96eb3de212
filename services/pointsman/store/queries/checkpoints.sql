select number, message from audit.checkpoint order by number
