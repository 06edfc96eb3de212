delete from claims.payload where sha256 = $1 and put_at = $2 returning sha256
