select distinct on (topic) topic, number, cluster_id, topic_id from audit.chapter order by topic, number desc
