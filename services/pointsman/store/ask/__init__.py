"""Queries of the audit database and their results."""
