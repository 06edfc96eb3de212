"""Streamed answers: passed on event by event, and combined to one body."""
