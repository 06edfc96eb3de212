-- The first record of a content: its key says which, so every later one is the same.
select value from audit.message where kind = $1 and key = $2 order by broker_at, "offset" limit 1
