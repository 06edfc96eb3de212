select name, sha256 from audit.migration
