insert into audit.migration (name, sha256) values ($1, $2)
