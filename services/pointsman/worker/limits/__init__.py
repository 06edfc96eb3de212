"""Limits on calls: those that all workers share, and what a call reserves of them."""
