"""Who may do what in Kafka and Postgres, derived from what topics declare; and how servers are made so."""
