select topic, number, cluster_id, topic_id, begun_at, digest from audit.chapter order by topic, number
