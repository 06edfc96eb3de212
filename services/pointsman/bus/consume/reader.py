"""The audit's kind of lane: the position of each partition lives with what was stored, not in Kafka.

Invariants:
- A partition is read from the position that the store has for it, never from the group's offsets; these are
  committed all the same, for whoever watches the lag.
- A position is one in a certain topic of a certain cluster: where there is another of that name, nothing is
  read until the store has begun a chapter for it.
- What retention deleted before it was read is on record before anything behind it is.
- The store moves a position only from where we believe it to be. Where it is not, another reader was faster:
  nothing was stored, the position is read again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from pointsman.bus import connection
from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.admin.topic_seed import TopicMark, topic_mark
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.lost import report_lost
from pointsman.bus.consume.poll import StalledError, Watchdog, consumer_of, first_offset, watch_group
from pointsman.bus.consume.position_store import (
    MovedError,
    Store,
    TopicsChangedError,
    UnavailableError,
    halved,
)
from pointsman.bus.errors import KafkaUnavailableError, line_of
from pointsman.bus.places import Place
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import reach_once
from pointsman.runtime.log_events import Event
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
#: Until partitions that cannot be read are looked at again, seconds.
_LOOK_AGAIN_S = 5.0


class Reader:
    """Reads every topic that matches a pattern into a store, each record once.

    `read_by`: the group whose lanes derive ids from the records of a topic, see `topic_seed`.
    """

    def __init__(
        self,
        settings: LanePart,
        group: str,
        pattern: str,
        store: Store,
        read_by: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._group = group
        self._pattern = pattern
        self._store = store
        self._stopping = asyncio.Event()
        self._expected: dict[Place, int | None] = {}
        self._unknown: set[TopicPartition] = set()
        self._read_by = read_by or {}
        #: Partitions that cannot be read for now, and when they are looked at again.
        self._aside: set[TopicPartition] = set()
        self._look_again = 0.0
        #: Topics that are not read, as they are not the ones of their names that were read before.
        self.changed: frozenset[str] = frozenset()
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
            except (KafkaUnavailableError, KafkaError, OSError, StalledError) as error:
                event(log, logging.WARNING, Event.CONNECTION_LOST, error=line_of(error))
                await self._pause(1)

    async def _connected(self) -> None:
        await reach_once(self._settings, self._settings.request_timeout_ms / 1000)
        consumer = consumer_of(self._settings, self._group)
        fetcher = Fetcher(
            self._settings,
            self._group,
            partial(first_offset, consumer),
            _GATHER_BYTES,
            request_timeout_ms=self._settings.request_timeout_ms,
            skips=False,
        )
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
                self._look_anew(fetcher)
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
            fetch_buffer = fetcher.fetch_buffer(tp)
            while fetch_buffer and left and left_bytes > 0:
                records = fetch_buffer.take(left)
                found.setdefault((tp.topic, tp.partition), []).extend(records)
                left -= len(records)
                left_bytes -= sum(len(record.value or b"") for record in records)
        return found

    def _look_anew(self, fetcher: Fetcher) -> None:
        """Have those located that cannot go on from where they stand, and now and then those set aside."""
        for place in [place for place in self._expected if fetcher.halted(TopicPartition(*place))]:
            del self._expected[place]
            self._unknown.add(TopicPartition(*place))
        if self._aside and time.monotonic() >= self._look_again:
            self._unknown |= self._aside

    async def _locate(self, consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
        """Learn the store's position of partitions that are new to us, and go there."""
        while self._unknown and not self._stopping.is_set():
            wanted = self._unknown
            await fetcher.know({topic for topic, _ in self._expected} | {tp.topic for tp in wanted})
            ids = {tp.topic: fetcher.ids[tp.topic] for tp in wanted if tp.topic in fetcher.ids}
            there = [tp for tp in wanted if tp.topic in ids]
            try:
                positions = await self._store.positions([(tp.topic, tp.partition) for tp in there], ids)
                if wanted is not self._unknown:
                    continue  # the group changed hands meanwhile
                first = await consumer.beginning_offsets(there) if there else {}
                if wanted is not self._unknown:
                    continue
                positions = await self._lose(positions, first)
            except UnavailableError as error:
                await self._wait_for_store(error)
                continue
            except MovedError:
                continue
            except TopicsChangedError as error:
                if wanted is self._unknown:
                    self._say_changed(error.topics)
                    self._set_aside({tp for tp in wanted if tp.topic in error.topics})
                continue
            marks = {topic: await self._mark_of(topic, id) for topic, id in ids.items()}
            if wanted is not self._unknown:
                continue
            for tp in there:
                place = (tp.topic, tp.partition)
                self._expected[place] = positions.get(place)
                fetcher.seek(tp, positions.get(place, first[tp]), marks[tp.topic])
            self._unknown, self._aside = set(), self._aside - wanted
            self.changed -= ids.keys()
            if len(there) < len(wanted):  # deleted: the group will hear of it, or it is made anew
                self._set_aside(wanted - set(there))
            fetcher.forget_others(TopicPartition(*place) for place in self._expected)
            # What was stored while the group changed hands could not be announced.
            stored = {place: each for place, each in positions.items() if each}
            await self._announce(consumer, fetcher, stored)
        self.ready = not self._unknown and not self.changed

    async def _lose(
        self, positions: Mapping[Place, int], first: Mapping[TopicPartition, int]
    ) -> dict[Place, int]:
        """Where to go on: behind what is gone, which is put on record.

        Raises:
            MovedError, UnavailableError
        """
        found = dict(positions)
        for place, position in positions.items():
            begins = first[TopicPartition(*place)]
            if position < begins:
                await self._store.lose(place, position, begins)
                report_lost(self._group, place, position, begins)
                found[place] = begins
        return found

    def _say_changed(self, topics: Collection[str]) -> None:
        for topic in sorted(set(topics) - self.changed):
            event(
                log,
                logging.ERROR,
                Event.TOPIC_CHANGED,
                topic=topic,
            )
        self.changed |= set(topics)

    def _set_aside(self, tps: set[TopicPartition]) -> None:
        self._aside |= tps
        self._unknown -= tps
        self._look_again = time.monotonic() + _LOOK_AGAIN_S

    async def _mark_of(self, topic: str, id: TopicId) -> TopicMark:
        group = self._read_by.get(topic)
        if group is None:
            return TopicMark(id.topic, by_name=True)
        admin = connection.admin(self._settings, request_timeout_ms=self._settings.request_timeout_ms)
        await admin.start()
        try:
            return await topic_mark(admin, group, topic, id.topic)
        finally:
            await admin.close()

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
        ends = {place: _end(fetcher, place, records) for place, records in batches.items()}
        while True:
            bare = breaks >= _BREAKS_ALONE
            try:
                ends = {
                    place: ends[place] if records is whole[place] else records[-1].offset + 1
                    for place, records in batches.items()
                }
                await self._store.append(
                    batches, {place: expected[place] for place in batches}, ends, bare=bare
                )
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
                    Event.POSITION_MOVED,
                    error=str(error),
                )
                # What the group took away meanwhile is not ours to look for.
                self._unknown |= {TopicPartition(*place) for place in batches if place in self._expected}
                return
            break
        moved = {place: next for place, next in ends.items() if place in self._expected}
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
        event(log, logging.WARNING, Event.STORE_UNAVAILABLE, error=str(error))
        await self._pause(0.5)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def assigned(self, owned: set[TopicPartition]) -> None:
        """Called by the group's listener: forget every position, ask the store anew."""
        self._expected, self._unannounced = {}, {}
        self._aside, self.changed = set(), frozenset()
        self._unknown = set(owned)
        event(log, logging.INFO, Event.PARTITIONS_ASSIGNED, group=self._group, partitions=len(owned))


def _end(fetcher: Fetcher, place: Place, records: Sequence[Incoming]) -> int:
    """Where a place stands behind these records: behind markers too, as these are no loss when they go."""
    tp = TopicPartition(*place)
    end = records[-1].offset + 1
    return end if fetcher.fetch_buffer(tp) else max(end, fetcher.next_offset(tp))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: Reader, consumer: AIOKafkaConsumer) -> None:
        self._reader = reader
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """A batch on its way to the store is safe: the store compares positions."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._reader.assigned(set(assigned))
