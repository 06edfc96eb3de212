"""Draw values for people: pure functions, without Kafka, Postgres or a terminal."""
