"""Answers that come as server-sent events: read as they come, and put together to one body."""
