"""Calling a provider: one wire format per file, one transport below them all."""

from pointsman.worker.providers.provider import Provider, as_sent

__all__ = ["Provider", "as_sent"]
