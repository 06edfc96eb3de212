"""Answers as server-sent events: passed on as they arrive, and combined to one body."""
