select pg_advisory_lock(hashtextextended('pointsman.migrate', 0))
