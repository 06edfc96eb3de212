"""Makes an audit row from a record: typed columns and the original bytes."""
