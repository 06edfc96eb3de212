select topic, partition, next_offset, chain, rows, chained_from, moved_at, digest from audit.lane
order by topic, partition
