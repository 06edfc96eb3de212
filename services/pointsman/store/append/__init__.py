"""Rows into the audit table: written, chained, and positions moved in one transaction."""
