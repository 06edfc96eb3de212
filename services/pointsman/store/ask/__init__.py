"""Questions to the audit database, and their answers."""
