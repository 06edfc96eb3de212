"""A lane: one assigned partition with its own task, its own work in flight and its own commit point."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetch_buffer import FetchBuffer

#: Records taken from the fetch buffer at a time.
PORTION = 500


class Lane(ABC):
    """A lane as its host sees it. `position`: the next offset to feed. `commits`: the number of commits."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.commits = 0
        #: Held while a transaction is under way.
        self._transaction_lock = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the lane can handle records now."""
        return True

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether more records may be fed; the host does not fetch for a full lane."""

    @abstractmethod
    def feed(self, records: Sequence[Incoming]) -> None:
        """Take records, in offset order."""

    def offer(self, fetch_buffer: FetchBuffer) -> None:
        """Take the next records from the buffer, if there are any."""
        records = fetch_buffer.take(PORTION)
        if records:
            self.feed(records)

    def passed(self, offset: int) -> None:
        """Move the position past transaction markers: no record is left before `offset`."""
        self.position = max(self.position, offset)

    @abstractmethod
    async def run(self) -> None:
        """Work until cancelled; after an error the host reopens the lane."""

    @abstractmethod
    async def finish(self, grace_s: float) -> None:
        """Commit what can be finished within `grace_s` seconds; the rest is left for the next owner."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """The number of records fed and not committed."""

    @property
    @abstractmethod
    def oldest_ms(self) -> int | None:
        """The Kafka timestamp of the oldest record fed and not committed."""

    async def abandon(self) -> None:  # noqa: B027
        """Cancel the work in flight; idempotent."""

    async def pause(self) -> None:
        """Wait for the open transaction and begin no other, while the lane's ownership is checked."""
        await self._transaction_lock.acquire()

    def resume(self) -> None:
        """Continue after `pause`: this process still owns the lane."""
        if self._transaction_lock.locked():
            self._transaction_lock.release()
