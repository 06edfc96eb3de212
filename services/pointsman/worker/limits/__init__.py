"""Limits on calls: those shared by all workers, and what a call reserves of them."""
