"""The audit's kind of lane: the position of each partition lives with what was stored, not in Kafka.

Invariants:
- A partition is read from the position that the store has for it, never from the group's offsets; these are
  committed all the same, for whoever watches the lag.
- The store moves a position only from where we believe it to be. Where it is not, another reader was faster:
  nothing was stored, the position is read again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from pointsman.bus.poll import StalledError, Watchdog, consumer_of, incoming, unread
from pointsman.bus.records import Incoming
from pointsman.bus.settings import LanePart
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_LAG

log = logging.getLogger(__name__)

#: Topic and partition.
Place = tuple[str, int]

#: Nobody waits for the audit: fewer and fuller answers cost the broker, the database and us far less.
_GATHER_BYTES = 256 * 1024

_POLL_MS = 200
_POLL_RECORDS = 2_000
#: While the group changes hands, seconds.
_TURN_S = 0.05
#: For a commit, seconds. The client tries for as long as no broker answers, even when we are told to stop.
_ANNOUNCE_S = 2.0


class MovedError(Exception):
    """The store's position is not where this reader left it."""


class UnavailableError(Exception):
    """The store cannot be reached now; the same batch may be tried again."""


class Store(Protocol):
    """Where records go, and how far they got."""

    async def positions(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """The next offset of each place that has one."""

    async def append(
        self, batches: Mapping[Place, Sequence[Incoming]], expected: Mapping[Place, int | None]
    ) -> None:
        """Store all or nothing, and move each place from `expected` to behind its last record.

        Raises:
            MovedError, UnavailableError: nothing was stored.
        """


class Reader:
    """Reads every topic that matches a pattern into a store, each record once."""

    def __init__(self, settings: LanePart, group: str, pattern: str, store: Store) -> None:
        self._settings = settings
        self._group = group
        self._pattern = pattern
        self._store = store
        self._stopping = asyncio.Event()
        self._expected: dict[Place, int | None] = {}
        self._unknown: set[TopicPartition] = set()
        #: What is stored and could not be announced yet.
        self._unannounced: dict[Place, int] = {}
        self.ready = False

    def stop(self) -> None:
        """Store what was read and return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Read until stopped; a broken connection is replaced by a new one."""
        while not self._stopping.is_set():
            try:
                await self._connected()
            except (KafkaError, OSError, StalledError) as error:
                event(log, logging.WARNING, "bus connection lost, reconnecting", error=repr(error))
                await self._pause(1)

    async def _connected(self) -> None:
        consumer = consumer_of(self._settings, self._group, gather_bytes=_GATHER_BYTES)
        consumer.subscribe(pattern=self._pattern, listener=_Listener(self))
        try:
            await consumer.start()
            watchdog = Watchdog(consumer, self._settings.stall_timeout_ms / 1000)
            while not self._stopping.is_set():
                await self._locate(consumer)
                try:
                    found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
                except IllegalStateError:  # the group changed hands while we waited
                    continue
                if found and not self._unknown:
                    await self._take(consumer, found)
                elif self._unannounced:
                    await self._announce(consumer, {})
                await watchdog.look(
                    {TopicPartition(*place): next or 0 for place, next in self._expected.items()}
                )
        finally:
            self.ready = False
            await asyncio.wait([asyncio.create_task(consumer.stop())], timeout=10)

    async def _locate(self, consumer: AIOKafkaConsumer) -> None:
        """Learn the store's position of partitions that are new to us, and go there."""
        while self._unknown and not self._stopping.is_set():
            wanted = self._unknown
            try:
                positions = await self._store.positions([(tp.topic, tp.partition) for tp in wanted])
            except UnavailableError as error:
                await self._wait_for_store(error)
                continue
            if wanted is not self._unknown:
                continue  # the group changed hands meanwhile
            try:
                expected = await _go_to(consumer, wanted, positions)
            except IllegalStateError:  # it is just changing hands
                await self._pause(_TURN_S)
                continue
            if wanted is self._unknown:
                self._expected |= expected
                self._unknown = set()
                # What was stored while the group changed hands could not be announced.
                await self._announce(consumer, {place: each for place, each in expected.items() if each})
        self.ready = not self._unknown

    async def _take(self, consumer: AIOKafkaConsumer, found: "dict[TopicPartition, list[object]]") -> None:
        batches: dict[Place, list[Incoming]] = {}
        for tp, records in found.items():
            place = (tp.topic, tp.partition)
            if place not in self._expected:
                continue
            after = self._expected[place] or 0
            wanted = [each for each in map(incoming, records) if each.offset >= after]
            if wanted:
                batches[place] = wanted
        if not batches:
            return
        expected = {place: self._expected[place] for place in batches}
        while True:
            try:
                await self._store.append(batches, expected)
            except UnavailableError as error:
                await self._wait_for_store(error)
                if self._stopping.is_set():
                    return
                continue
            except MovedError as error:
                event(
                    log,
                    logging.WARNING,
                    "another reader was faster, going to the store's position",
                    error=str(error),
                )
                self._unknown = self._unknown | {TopicPartition(*place) for place in batches}
                return
            break
        moved = {place: records[-1].offset + 1 for place, records in batches.items()}
        self._expected.update({place: next for place, next in moved.items() if place in self._expected})
        await self._announce(consumer, moved)

    async def _announce(self, consumer: AIOKafkaConsumer, moved: Mapping[Place, int]) -> None:
        self._unannounced |= moved
        offsets = {TopicPartition(*place): next for place, next in self._unannounced.items()}
        if not offsets:
            return  # which the client would refuse
        # Only for those who watch the lag: when it has to wait, storing does not.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANNOUNCE_S):
                with contextlib.suppress(KafkaError, IllegalStateError):
                    await consumer.commit(offsets)
            self._unannounced = {}
        for tp, next_offset in offsets.items():
            LANE_LAG.labels(tp.topic, tp.partition).set(unread(consumer, tp, next_offset))

    async def _wait_for_store(self, error: Exception) -> None:
        self.ready = False
        event(log, logging.WARNING, "the store cannot be reached, trying again", error=str(error))
        await self._pause(0.5)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def assigned(self, owned: set[TopicPartition]) -> None:
        """Called by the group's listener: forget every position, ask the store anew."""
        self._expected, self._unannounced = {}, {}
        self._unknown = set(owned)
        event(log, logging.INFO, "lanes assigned", group=self._group, partitions=len(owned))


async def _go_to(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], positions: Mapping[Place, int]
) -> dict[Place, int | None]:
    """Read on from the store's positions, from the beginning where it has none; returns both."""
    expected: dict[Place, int | None] = {}
    for tp in partitions:
        place = (tp.topic, tp.partition)
        expected[place] = positions.get(place)
        if place in positions:
            consumer.seek(tp, positions[place])
        else:
            await consumer.seek_to_beginning(tp)
    return expected


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """A batch on its way to the store is safe: the store compares positions."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._reader.assigned(set(assigned))
