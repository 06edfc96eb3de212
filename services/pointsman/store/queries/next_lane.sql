-- The first lane after this one that has rows. Repeated calls find all lanes without reading all rows.
select topic, partition from audit.message where (topic, partition) > ($1, $2) order by topic, partition limit 1
