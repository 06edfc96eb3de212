"""Rights in Kafka and Postgres: derived from the topics' declarations, and applied to the servers."""
