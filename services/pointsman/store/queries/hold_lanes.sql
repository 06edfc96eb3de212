select topic, partition, chain, rows, chained_from, clock from audit.hold_lanes($1, $2, $3)
