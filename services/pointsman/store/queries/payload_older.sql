select sha256, octet_length(content) as bytes, put_at from claims.payload where put_at < $1 order by put_at
