insert into audit.chapter (topic, number, cluster_id, topic_id, begun_at, digest)
select $1, $2, $3, $4, now(), audit.chapter_digest($1, $2, $3, $4, now())
