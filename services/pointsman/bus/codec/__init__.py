"""Converts between bytes and messages: records and batches, JSON, envelopes, claims."""
