"""Lanes with keyed state, which a compacted changelog keeps (see docs/decisions/0013-state-lane.md)."""
