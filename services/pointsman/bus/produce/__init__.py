"""Writing to Kafka: in a lane's transaction, and outside of one."""
