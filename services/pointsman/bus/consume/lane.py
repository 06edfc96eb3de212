"""A lane: one assigned partition with its own task, its own work in flight and its own commit point."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetch_buffer import FetchBuffer

#: Taken from the fetch buffer at a time.
PORTION = 500


class Lane(ABC):
    """What the host of lanes knows of one; `position` is the next offset that it wants to be fed.

    `commits`: how many times it got further.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self.commits = 0
        self._turn = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether it has all that it needs to work on what it is fed."""
        return True

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether more records may be fed. The host leaves a full lane out of its poll."""

    @abstractmethod
    def feed(self, records: Sequence[Incoming]) -> None:
        """Take records, in offset order."""

    def offer(self, fetch_buffer: FetchBuffer) -> None:
        """Take the next records from there, if there are any."""
        records = fetch_buffer.take(PORTION)
        if records:
            self.feed(records)

    def passed(self, offset: int) -> None:
        """Nothing that is left stands before `offset`: markers of transactions, or nothing at all."""
        self.position = max(self.position, offset)

    @abstractmethod
    async def run(self) -> None:
        """Work until cancelled; an error ends the lane, and the host opens it anew."""

    @abstractmethod
    async def finish(self, grace_s: float) -> None:
        """Commit what can be finished within `grace_s` seconds; the rest is handed back by not committing."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """Records fed and not committed."""

    @property
    @abstractmethod
    def oldest_ms(self) -> int | None:
        """Kafka timestamp of the oldest record fed and not committed."""

    async def abandon(self) -> None:  # noqa: B027
        """Break off what is under way; safe to do twice."""

    async def pause(self) -> None:
        """Let the transaction under way end and begin no other, while it is found out whose the lane is."""
        await self._turn.acquire()

    def resume(self) -> None:
        """The lane is still ours: go on."""
        if self._turn.locked():
            self._turn.release()
