-- The first lane behind this one that has rows; step by step this finds all of them without reading the rows.
select topic, partition from audit.message where (topic, partition) > ($1, $2) order by topic, partition limit 1
