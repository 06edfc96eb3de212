select name, sha256, applied_at, digest from audit.migration order by name
