"""Calls providers: an adapter for each wire format, and one transport for all."""

from pointsman.worker.providers.provider import Provider, as_sent

__all__ = ["Provider", "as_sent"]
