select topic, count(*) as rows from audit.message where topic = any ($1::text[]) group by topic
