"""Writing to Kafka: a lane's transaction, and records outside of one."""
