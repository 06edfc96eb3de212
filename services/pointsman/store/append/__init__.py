"""Appends rows to the audit table: copies and chains them, and moves the lanes, in one transaction."""
