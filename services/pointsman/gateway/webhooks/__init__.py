"""Notices to whoever asked for an answer and does not wait for it."""
