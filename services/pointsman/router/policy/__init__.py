"""Decisions: policy files, rules, and recomputing."""
