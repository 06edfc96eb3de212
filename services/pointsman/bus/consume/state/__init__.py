"""Lanes with keyed state, kept in a compacted changelog topic (see docs/decisions/0013-state-lane.md)."""
