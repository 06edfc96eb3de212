select claims.get($1)
