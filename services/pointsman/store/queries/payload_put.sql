select claims.put($1, $2)
