select topic, partition, "offset", timestamp_ms, key, value, headers::text from audit.message
