"""From values to what is drawn: pure functions, no Kafka, no Postgres, no terminal."""
