select topic, partition, next_offset from audit.positions($1, $2)
