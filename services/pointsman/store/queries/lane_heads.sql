select topic, partition, next_offset, chain, rows, chained_from from audit.lane order by topic, partition
