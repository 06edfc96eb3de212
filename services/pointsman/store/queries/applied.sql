-- The first record with this content. The key identifies the content, so later records are equal.
select value from audit.message where kind = $1 and key = $2 order by broker_at, "offset" limit 1
