"""A lane's interface to the store of large values, and the one used without a store."""

from collections.abc import Sequence
from typing import Protocol

from pointsman.bus.codec.records import Incoming, Outgoing


class Payloads(Protocol):
    """Fetches large values before records are handled, and stores them before records are published."""

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        """The first of `records`, at least one: each with its whole value, or known to be lost.

        Raises whatever keeps the store from answering: then the lane starts anew, and asks again.
        """

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        """The same records; the large values among them are stored when this returns, and claims instead.

        `above`: bytes, where less than usual is large. Raises the same.
        """


class Inline:
    """No store: every value travels in its record."""

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        """All of them, as they are."""
        return records

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        """All of them, as they are."""
        return records
