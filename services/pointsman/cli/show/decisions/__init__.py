"""Decisions, policies and what was learned, as text."""
