update audit.migration set digest = audit.digest_of('migration', name, sha256, audit.microseconds(applied_at))
where digest is null
