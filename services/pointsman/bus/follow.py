"""Reads topics from a place on, for ever or to their end, in no consumer group: nothing is committed.

Invariants:
- When a follower is entered its places are fixed: whatever is written after that will be read.
- Each partition is read in order; one that is added later is read from its first record.
- A broker may go and come back: reading goes on from the last place.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from types import TracebackType
from typing import Literal, Self, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pointsman.bus import rdkafka
from pointsman.bus.errors import BusError
from pointsman.bus.places import (
    LATEST,
    Offsets,
    Place,
    Start,
    Topics,
    all_partitions,
    offsets,
    partitions,
    resolve,
)
from pointsman.bus.reach import PATIENCE_S, reach
from pointsman.bus.records import UNREADABLE, Incoming
from pointsman_schemas.envelope import Headers

Isolation = Literal["read_committed", "read_uncommitted"]

_BATCH = 500
#: One poll, seconds: how long closing may have to wait.
_POLL_S = 0.2
#: How often partitions are looked for that were not there before, and how long that may take, seconds.
_REFRESH_S = 2.0
_REFUSALS = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._AUTHENTICATION}

#: Not called as a method: where the interpreter has specialised such a call, it does not notice that the
#: client set an error beside its result.
_HEADERS = methodcaller("headers")


async def follow(
    bootstrap: str,
    topics: Topics,
    *,
    start: Start = "end",
    isolation: Isolation = "read_committed",
    until_end: bool = False,
) -> AsyncGenerator[Incoming, None]:
    """Every record from `start` on. Takes what `Follower` takes, and raises what it raises."""
    async with Follower(bootstrap, topics, start=start, isolation=isolation, until_end=until_end) as follower:
        while not follower.ended:
            for record in await follower.read():
                yield record


class Follower:
    """Reads all partitions of the topics that are named, or of those whose names match a pattern.

    `start` is "beginning", "end", a time (each partition's first record at or after it) or offsets; a
    partition that the offsets do not name is read from its first record. With `until_end` reading ends where
    the topics ended when it began. `patience` bounds the wait for a broker, in seconds.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        *,
        start: Start = "end",
        isolation: Isolation = "read_committed",
        until_end: bool = False,
        patience: float = PATIENCE_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._start = start
        self._isolation = isolation
        self._until_end = until_end
        self._patience = patience
        self._unread: dict[Place, int] = {}
        self._assigned: set[Place] = set()
        self._polling: asyncio.Future[list[Message]] | None = None
        self._next_refresh = 0.0
        #: The next offset of each partition.
        self.offsets: dict[Place, int] = {}

    @property
    def ended(self) -> bool:
        """Whether all is read; never so without `until_end`."""
        return self._until_end and not self._unread

    async def __aenter__(self) -> Self:
        """Raises: KafkaUnavailableError, TopicMissingError."""
        await reach(self._bootstrap, self._patience)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="follow")
        self._consumer = Consumer(
            rdkafka.settings(
                self._bootstrap,
                group_id="none",  # the client demands one; who does not subscribe joins no group
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=self._until_end,
                auto_offset_reset="earliest",
                isolation_level=self._isolation,
                fetch_wait_max_ms=100,
                fetch_error_backoff_ms=100,
                queued_max_messages_kbytes=16_384,
            )
        )
        try:
            self.offsets = await self._loop.run_in_executor(self._thread, self._locate)
        except BaseException as error:
            await self._close()
            if isinstance(error, KafkaException):
                raise rdkafka.explain(self._bootstrap, error, self._patience) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def read(self) -> list[Incoming]:
        """The next records, at most 500; none when none came for a moment.

        A cancelled call loses nothing: the next one returns what it would have returned.

        Raises:
            BusError: the brokers refuse.
        """
        if self._polling is None:
            self._polling = self._loop.run_in_executor(self._thread, self._poll)
        polling = self._polling
        try:
            messages = await asyncio.shield(polling)
        finally:
            if polling.done():
                self._polling = None
        return [record for message in messages if (record := self._take(message)) is not None]

    def _take(self, message: Message) -> Incoming | None:
        error = message.error()
        if error is not None and error.code() in _REFUSALS:
            raise BusError(f"Kafka at {self._bootstrap} refused: {error.str()}")
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None:
            return None  # an error of the connection: the client goes on trying by itself
        place = (topic, partition)
        at_end = error is not None and error.code() == rdkafka.PARTITION_END
        if at_end or (error is None and offset + 1 >= self._unread.get(place, offset + 2)):
            self._unread.pop(place, None)
        if error is not None:
            return None
        self.offsets[place] = offset + 1
        return _incoming(topic, partition, offset, message)

    # What follows runs in the follower's own thread, as the client's calls block.

    def _locate(self) -> dict[Place, int]:
        places = all_partitions(self._consumer, self._topics, self._patience)
        found = resolve(self._consumer, places, self._start, self._patience)
        if self._until_end:
            ends = offsets(self._consumer, dict.fromkeys(places, LATEST), self._patience)
            self._unread = {place: end for place, end in ends.items() if end > found[place]}
        self._assign(found)
        return found

    def _assign(self, found: Offsets) -> None:
        self._assigned |= found.keys()
        self._consumer.incremental_assign([TopicPartition(*place, next) for place, next in found.items()])
        self._next_refresh = time.monotonic() + _REFRESH_S

    def _poll(self) -> list[Message]:
        if time.monotonic() > self._next_refresh and not self._until_end:
            self._find_new()
        first = self._consumer.poll(_POLL_S)
        return [] if first is None else [first, *self._consumer.consume(_BATCH - 1, 0)]

    def _find_new(self) -> None:
        try:
            new = partitions(self._consumer, self._topics, _REFRESH_S) - self._assigned
        except KafkaException:  # the brokers are away: look again later
            new = set()
        self._assign(dict.fromkeys(new, 0))

    async def _close(self) -> None:
        await asyncio.shield(self._loop.run_in_executor(self._thread, self._consumer.close))
        self._thread.shutdown(wait=False)


def _incoming(topic: str, partition: int, offset: int, message: Message) -> Incoming:
    try:
        headers = _HEADERS(message) or []
    except (SystemError, UnicodeDecodeError):  # a header's name is not UTF-8
        headers = [*UNREADABLE]
    return Incoming(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        cast(Headers, tuple(headers)),
    )
