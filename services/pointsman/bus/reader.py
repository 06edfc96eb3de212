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
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from pointsman.bus.fetcher import Fetcher
from pointsman.bus.places import Place
from pointsman.bus.poll import StalledError, Watchdog, consumer_of, first_offset, watch_group
from pointsman.bus.records import Incoming
from pointsman.bus.settings import LanePart
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_LAG

log = logging.getLogger(__name__)

#: Nobody waits for the audit: fewer and fuller answers cost the broker, the database and us far less.
_GATHER_BYTES = 256 * 1024

_POLL_S = 0.2
#: Stored at a time: so many records, or values of so many bytes and one more portion.
_POLL_RECORDS, _POLL_BYTES = 2_000, 8 * 1024 * 1024
#: A batch that broke the way to the store so often in a row is halved; a record alone is stored bare.
_BREAKS, _BREAKS_ALONE = 2, 10
#: For a commit, seconds. The client tries for as long as no broker answers, even when we are told to stop.
_ANNOUNCE_S = 2.0


class MovedError(Exception):
    """The store's position is not where this reader left it."""


class UnavailableError(Exception):
    """The store cannot be reached now; the same batch may be tried again.

    `broke`: the way to it ended while it was at work on the batch.
    """

    def __init__(self, what: str, *, broke: bool = False) -> None:
        super().__init__(what)
        self.broke = broke


class Store(Protocol):
    """Where records go, and how far they got."""

    async def positions(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """The next offset of each place that has one."""

    async def append(
        self,
        batches: Mapping[Place, Sequence[Incoming]],
        expected: Mapping[Place, int | None],
        *,
        bare: bool = False,
    ) -> None:
        """Store all or nothing, and move each place from `expected` to behind its last record.

        `bare`: of each record its place and digest alone, as nothing more of it can be stored.

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
        self._turn = 0
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
        consumer = consumer_of(self._settings, self._group)
        fetcher = Fetcher(self._settings, self._group, partial(first_offset, consumer), _GATHER_BYTES)
        consumer.subscribe(pattern=self._pattern, listener=_Listener(self, consumer))
        try:
            await fetcher.start()
            await consumer.start()
            await self._read(consumer, fetcher)
        finally:
            self.ready = False
            closing = [asyncio.create_task(each) for each in (consumer.stop(), fetcher.close())]
            await asyncio.wait(closing, timeout=10)

    async def _read(self, consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
        watchdog = Watchdog(consumer, self._settings.stall_timeout_ms / 1000, fetcher.position)
        group = asyncio.create_task(watch_group(consumer))
        try:
            while not self._stopping.is_set():
                if group.done():
                    group.result()
                await self._locate(consumer, fetcher)
                found = await self._gathered(fetcher)
                if found and not self._unknown:
                    await self._take(consumer, fetcher, found)
                elif self._unannounced:
                    await self._announce(consumer, fetcher, {})
                await watchdog.look(
                    {TopicPartition(*place): next or 0 for place, next in self._expected.items()}
                )
        finally:
            group.cancel()
            await asyncio.wait([group])

    async def _gathered(self, fetcher: Fetcher) -> dict[Place, list[Incoming]]:
        """The next records of our partitions, which begin with another one each time."""
        places = list(self._expected)
        if not places:
            await self._pause(_POLL_S)
            return {}
        self._turn = (self._turn + 1) % len(places)
        turn = [TopicPartition(*place) for place in places[self._turn :] + places[: self._turn]]
        await fetcher.gather(turn, _POLL_S)
        found: dict[Place, list[Incoming]] = {}
        left, left_bytes = _POLL_RECORDS, _POLL_BYTES
        for tp in turn:
            supply = fetcher.supply(tp)
            while supply and left and left_bytes > 0:
                records = supply.take(left)
                found.setdefault((tp.topic, tp.partition), []).extend(records)
                left -= len(records)
                left_bytes -= sum(len(record.value or b"") for record in records)
        return found

    async def _locate(self, consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
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
            new = [tp for tp in wanted if (tp.topic, tp.partition) not in positions]
            first = await consumer.beginning_offsets(new) if new else {}
            if wanted is not self._unknown:
                continue
            for tp in wanted:
                place = (tp.topic, tp.partition)
                self._expected[place] = positions.get(place)
                fetcher.seek(tp, positions[place] if place in positions else first[tp])
            self._unknown = set()
            fetcher.forget_others(TopicPartition(*place) for place in self._expected)
            await fetcher.know(topic for topic, _ in self._expected)
            # What was stored while the group changed hands could not be announced.
            stored = {place: each for place, each in positions.items() if each}
            await self._announce(consumer, fetcher, stored)
        self.ready = not self._unknown

    async def _take(
        self, consumer: AIOKafkaConsumer, fetcher: Fetcher, found: Mapping[Place, list[Incoming]]
    ) -> None:
        batches: dict[Place, list[Incoming]] = {}
        for place, records in found.items():
            if place not in self._expected:
                continue
            after = self._expected[place] or 0
            wanted = [each for each in records if each.offset >= after]
            if wanted:
                batches[place] = wanted
        if not batches:
            return
        expected = {place: self._expected[place] for place in batches}
        whole, breaks = batches, 0
        while True:
            bare = breaks >= _BREAKS_ALONE
            try:
                await self._store.append(batches, {place: expected[place] for place in batches}, bare=bare)
            except UnavailableError as error:
                breaks = breaks + 1 if error.broke else 0
                if breaks >= _BREAKS and (less := halved(batches)):
                    batches, breaks = less, 0
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
                # What the group took away meanwhile is not ours to look for.
                self._unknown |= {TopicPartition(*place) for place in batches if place in self._expected}
                return
            break
        moved = {place: records[-1].offset + 1 for place, records in batches.items()}
        moved = {place: next for place, next in moved.items() if place in self._expected}
        self._expected.update(moved)
        if batches is not whole:  # the rest is read again
            self._unknown |= {TopicPartition(*place) for place in whole if place in self._expected}
        await self._announce(consumer, fetcher, moved)

    async def _announce(
        self, consumer: AIOKafkaConsumer, fetcher: Fetcher, moved: Mapping[Place, int]
    ) -> None:
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
        for tp in offsets:
            LANE_LAG.labels(tp.topic, tp.partition).set(fetcher.unread(tp))

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


def halved(batches: Mapping[Place, list[Incoming]]) -> dict[Place, list[Incoming]] | None:
    """The first half: of the places, or of the records of the only one; None for a single record."""
    places = list(batches)
    if len(places) > 1:
        return {place: batches[place] for place in places[: len(places) // 2]}
    ((place, records),) = batches.items()
    return {place: records[: len(records) // 2]} if len(records) > 1 else None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: Reader, consumer: AIOKafkaConsumer) -> None:
        self._reader = reader
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """A batch on its way to the store is safe: the store compares positions."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._reader.assigned(set(assigned))
