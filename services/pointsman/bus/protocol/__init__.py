"""Kafka protocol requests that our client libraries lack; used only within `bus`."""
