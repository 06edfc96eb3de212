"""Webhooks for background answers."""
