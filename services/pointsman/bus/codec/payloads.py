"""A lane's interface to the store of large values, and the one used without a store."""

from collections.abc import Sequence
from typing import Protocol

from pointsman.bus.codec.records import Incoming, Outgoing


class Payloads(Protocol):
    """Fetches large values before records are handled, and stores them before records are published."""

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        """Return the first of `records`, at least one, each with its whole value or marked as lost.

        Errors of an unavailable store pass through; the lane is then reopened and tries again.
        """

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        """Store the large values among `records`; return the records with claims in their place.

        `above`: a size in bytes from which a value counts as large, if not the usual one. Raises as `fetch`.
        """


class Inline:
    """No store: every value stays in its record."""

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        """Return all records unchanged."""
        return records

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        """Return all records unchanged."""
        return records
