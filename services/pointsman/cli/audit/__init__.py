"""Commands about the audit database as a whole, and queries to it."""
