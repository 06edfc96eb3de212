"""From a record to its row: what it says in columns, what it was in bytes."""
