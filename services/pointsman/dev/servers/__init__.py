"""The dev stack's Kafka and Postgres: real servers as child processes."""
