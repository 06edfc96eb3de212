update audit.dropped set digest = audit.dropped_digest(dropped) where id = $1
