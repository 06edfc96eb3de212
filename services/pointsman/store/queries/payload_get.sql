select content from claims.payload where sha256 = $1
