select audit.lose($1, $2, $3, $4)
