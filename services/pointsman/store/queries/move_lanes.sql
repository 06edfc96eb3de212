select topic, partition from audit.move_lanes($1, $2, $3, $4)
