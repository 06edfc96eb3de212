"""Writes to Kafka, in a lane's transaction or outside of one."""
