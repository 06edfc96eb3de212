select topic, number, cluster_id, topic_id from audit.chapters($1, $2, $3)
