"""Sealing, opening and erasing what the record holds about a subject."""
