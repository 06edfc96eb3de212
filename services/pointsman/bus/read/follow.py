"""Reads topics from given offsets on, forever or to their end, without a consumer group.

Invariants:
- The start offsets are fixed when the follower is entered: whatever is written later will be read.
- Each partition is read in order; one added later is read from its first record.
- After a broker outage reading continues where it was. If that offset was deleted, the partition is read from
  its first record.
- A record that cannot be decoded stops nothing, as in lanes.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Literal, Self

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.errors import BusError, KafkaUnavailableError
from pointsman.bus.partition import LATEST, Partition, Start, Topics
from pointsman.bus.tcp_check import PATIENCE_S, await_server
from pointsman.runtime.settings import KafkaPart

Isolation = Literal["read_committed", "read_uncommitted"]

_BATCH = 500
#: How long a read waits for records, in seconds; and after a read without any.
_POLL_S, _QUIET_S = 0.5, 2.0
#: How often new partitions are looked for, in seconds: for a pattern, and for
#: named topics, which seldom get more.
_REFRESH_S, _REFRESH_NAMED_S = 5.0, 30.0


async def follow(
    settings: KafkaPart,
    topics: Topics,
    *,
    start: Start = "end",
    isolation: Isolation = "read_committed",
    until_end: bool = False,
    patience: float = PATIENCE_S,
) -> AsyncGenerator[Incoming, None]:
    """Yield every record from `start` on. Parameters and errors as `Follower`."""
    follower = Follower(
        settings, topics, start=start, isolation=isolation, until_end=until_end, patience=patience
    )
    async with follower:
        async for record in follower:
            yield record


class Follower:
    """Reads all partitions of the named topics, or of those whose names match a pattern.

    `start`: "beginning", "end", a time (each partition's first record at or after it) or offsets; partitions
    without an offset are read from their first record. `until_end`: stop at the ends that the topics had when
    reading began. `patience`: seconds to wait for a broker at the start. `stalled_after`: seconds for which a
    partition may be without a response later.
    """

    def __init__(
        self,
        settings: KafkaPart,
        topics: Topics,
        *,
        start: Start = "end",
        isolation: Isolation = "read_committed",
        until_end: bool = False,
        patience: float = PATIENCE_S,
        stalled_after: float | None = None,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._start = start
        self._committed_only = isolation == "read_committed"
        self._until_end = until_end
        self._patience = patience
        self._stalled_after = stalled_after
        self._ends: dict[Partition, int] = {}
        self._refresh_s = _REFRESH_S if isinstance(topics, re.Pattern) else _REFRESH_NAMED_S
        self._next_refresh = 0.0
        self._next_first = 0
        self._is_quiet = False
        self._looking: asyncio.Task[None] | None = None
        #: The next offset by partition.
        self.offsets: dict[Partition, int] = {}

    @property
    def ended(self) -> bool:
        """Whether everything was read; always False without `until_end`."""
        return self._until_end and all(self.offsets[place] >= end for place, end in self._ends.items())

    async def __aenter__(self) -> Self:
        """Connect and find the start offsets. Raises: KafkaUnavailableError, TopicMissingError, BusError."""
        await await_server(self._settings, self._patience)
        self._fetcher = Fetcher(
            self._settings,
            "pointsman-reader",
            request_timeout_ms=max(1_000, int(self._patience * 1000)),
            committed_only=self._committed_only,
        )
        self._partitions = self._fetcher.partitions
        try:
            await self._fetcher.start()
            await self._locate()
        except BaseException as error:
            await self._fetcher.close()
            if isinstance(error, KafkaError) and not error.retriable:
                raise self._refused(error) from error
            if isinstance(error, KafkaError | OSError):
                raise KafkaUnavailableError(self._settings.kafka, self._patience, repr(error)) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._fetcher.close()

    async def __aiter__(self) -> AsyncGenerator[Incoming, None]:
        """Yield every record until `ended`; raises as `read`."""
        while not self.ended:
            for record in await self.read():
                yield record

    async def read(self) -> list[Incoming]:
        """Return the next records, at most 500; none if none came for a moment.

        A cancelled call loses nothing: the next one returns what it would have returned.

        Raises:
            BusError: the brokers refuse, or gave no response for `stalled_after` seconds.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # aiokafka's client swallows a cancellation while it closes
        if not self._until_end:
            self._find_new()
        places = [place for place in self.offsets if self._wants(place)]
        if not places:
            await asyncio.sleep(_POLL_S if not self.ended else 0)
            return []
        self._next_first = (self._next_first + 1) % len(places)
        ordered = places[self._next_first :] + places[: self._next_first]
        try:
            wait_s = _QUIET_S if self._is_quiet else _POLL_S
            await self._fetcher.gather([TopicPartition(*place) for place in ordered], wait_s)
        except KafkaError as error:
            raise self._refused(error) from error
        records: list[Incoming] = []
        for place in ordered:
            if len(records) < _BATCH:
                records += self._take(place, _BATCH - len(records))
        self._is_quiet = not records
        return records

    async def bounds(self, place: Partition) -> tuple[int, int]:
        """Return the first offset of a partition, and the one after its last.

        Raises:
            BusError: the brokers do not answer, or refuse.
        """
        try:
            end = await self._partitions.offsets({place: LATEST})
            return await self._partitions.first(place), end[place]
        except KafkaError as error:
            raise self._refused(error) from error

    def seek(self, place: Partition, offset: int) -> None:
        """Continue reading this partition at `offset`."""
        self.offsets[place] = offset
        self._fetcher.seek(TopicPartition(*place), offset)

    def _wants(self, place: Partition) -> bool:
        return not self._until_end or self.offsets[place] < self._ends.get(place, 0)

    def _take(self, place: Partition, most: int) -> list[Incoming]:
        tp = TopicPartition(*place)
        if self._stalled_after is not None and self._fetcher.answer_age_s(tp) > self._stalled_after:
            raise BusError(
                f"{place[0]}-{place[1]}: no broker has answered for it for {self._stalled_after:g} s",
                f"see what is wrong: pointsman doctor --kafka {self._settings.kafka}",
            )
        fetch_buffer = self._fetcher.fetch_buffer(tp)
        records: list[Incoming] = []
        while fetch_buffer and len(records) < most:
            records += fetch_buffer.take(most - len(records))
        if records:
            self.offsets[place] = records[-1].offset + 1
        if not fetch_buffer:
            self._caught_up(place, tp)
        if self._until_end:
            end = self._ends.get(place, 0)
            records = [record for record in records if record.offset < end]
            # Later records were not returned, so they do not count as read.
            self.offsets[place] = min(self.offsets[place], end)
        return records

    def _caught_up(self, place: Partition, tp: TopicPartition) -> None:
        """Move past transaction markers, or to the first record if the next one was deleted."""
        position, first = self._fetcher.next_offset(tp), self._fetcher.first_offset_if_gone(tp)
        if first is not None and first < position:
            self.seek(place, first)
        else:
            self.offsets[place] = position

    async def _locate(self) -> None:
        places = await self._partitions.all(self._topics)
        await self._fetcher.set_topics({topic for topic, _ in places})
        offsets = await self._partitions.resolve(places, self._start)
        if self._until_end:
            ends = await self._partitions.offsets(dict.fromkeys(places, LATEST))
            self._ends = {place: end for place, end in ends.items() if end > offsets[place]}
        for place, offset in offsets.items():
            self.seek(place, offset)
        self._next_refresh = time.monotonic() + self._refresh_s

    def _find_new(self) -> None:
        """Look for new partitions in the background."""
        if time.monotonic() > self._next_refresh and (self._looking is None or self._looking.done()):
            self._next_refresh = time.monotonic() + self._refresh_s
            self._looking = asyncio.create_task(self._look(), name="new partitions")

    async def _look(self) -> None:
        with contextlib.suppress(KafkaError, OSError):  # the brokers are unavailable: try again later
            new = await self._partitions.existing(self._topics) - self.offsets.keys()
            if new:
                await self._fetcher.set_topics({topic for topic, _ in (*self.offsets, *new)})
            for place in new:
                self.seek(place, 0)

    def _refused(self, error: KafkaError) -> BusError:
        return BusError(f"Kafka at {self._settings.kafka} refused: {error!r}")
