select topic, partition, "offset", sha256(value) from audit.message where topic <> all ($1::text[])
