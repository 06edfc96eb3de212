select audit.move_lanes($1, $2, $3, $4, $5, $6)
