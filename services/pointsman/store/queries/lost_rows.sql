select topic, partition, first_offset, next_offset, noticed_at, digest from audit.lost order by 1, 2, 3
