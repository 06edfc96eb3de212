"""Verifies the audit: chains, checkpoints, retention, and everything derived from them."""
