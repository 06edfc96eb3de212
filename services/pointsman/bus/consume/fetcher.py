"""Fetches records for lanes: one request at a time to each broker, for the partitions that have room.

Unlike aiokafka's fetcher it keeps records in Kafka's batches until they are needed one by one, and a full
partition holds up no other.

Invariants:
- A response for a position that was left meanwhile is discarded.
- A partition is fetched only while its buffer is empty, so buffers are bounded by `_MOST_BYTES` each (or by
  the largest batch).
- A position belongs to a topic id: nothing is read from a topic recreated under the same name.
- Unless the fetcher `skips`, a partition is halted if its topic was recreated or its next record was deleted;
  the reader decides what follows.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from uuid import UUID

from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    CorruptRecordException,
    IncompatibleBrokerVersion,
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition

from pointsman.bus import connection
from pointsman.bus.admin.topic_ids import TopicId, topic_ids
from pointsman.bus.admin.topic_seed import TopicMark
from pointsman.bus.codec.record_batch import read_batches
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.places import Place
from pointsman.bus.protocol.fetch_requests import FetchedPartition, fetch
from pointsman.bus.read.partitions import Partitions
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart

log = logging.getLogger(__name__)

#: Of one partition, and of all that one question is about.
_MOST_BYTES, _MOST_BYTES_IN_ALL = 1024 * 1024, 16 * 1024 * 1024
#: How long a broker waits for records before it says that there are none, at most; and as a share of the time
#: for which we would wait, so that its answer is there by then and wakes us once.
_WAIT_MS, _WAIT_SHARE = 2_000, 0.9
_PAUSE_S = 0.05
#: What does not pass by itself.
_FINAL = (TopicAuthorizationFailedError, CorruptRecordException, IncompatibleBrokerVersion)

#: UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID: the client has no names for them.
_OTHER_TOPIC = frozenset((UnknownTopicOrPartitionError.errno, 100, 103))


class Halt(Enum):
    """Why a partition is no longer fetched."""

    GONE = auto()  # its records were deleted before they were read
    MADE_ANEW = auto()  # there is another topic of that name


@dataclass(slots=True)
class _Stock:
    """`end`: behind the last record of the partition, as last heard. `begins`: the partition, where the
    broker had no record at the position.

    `heard_at`: when the broker last answered for it, by our clock.
    `topic`: the id of the topic that the position is in; `seed`: see `Incoming`.
    """

    position: int
    topic: UUID | None
    seed: str
    fetch_buffer: FetchBuffer = field(default_factory=FetchBuffer)
    end: int | None = None
    begins: int | None = None
    heard_at: float = 0.0
    halt: Halt | None = None


class Fetcher:
    """A broker answers as soon as it has `gather_bytes`, or after a maximum wait with what it has.
    `committed_only`: isolation level `read_committed`.
    `skips`: continue after deleted records, and in a recreated topic.
    """

    def __init__(
        self,
        settings: KafkaPart,
        name: str,
        gather_bytes: int = 1,
        *,
        request_timeout_ms: int,
        committed_only: bool = True,
        skips: bool = True,
    ) -> None:
        #: The connection; who has the fetcher may ask other things by it.
        self.client = self._client = connection.client(
            settings, client_id=name, request_timeout_ms=request_timeout_ms, retry_backoff_ms=50
        )
        #: Where partitions begin and end.
        self.partitions = Partitions(
            self.client,
            within=request_timeout_ms / 1000,
            committed_only=committed_only,
            user=settings.kafka_username,
        )
        self._longest_wait_ms = min(_WAIT_MS, request_timeout_ms // 2)
        self._gather_bytes = gather_bytes
        self._committed_only = committed_only
        self._skips = skips
        self._stocks: dict[TopicPartition, _Stock] = {}
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._next_look = 0.0
        self._next_identify = 0.0
        self._topics: set[str] = set()
        #: The ids of the topics that are known, as last heard.
        self.ids: dict[str, TopicId] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        await connection.connect(self._client)

    async def know(self, topics: Iterable[str]) -> None:
        """Find out who leads the partitions of these topics, and of no others, and which topics they are.

        Raises:
            KafkaError: no broker says.
        """
        self._topics = set(topics)
        await self._client.set_topics(self._topics)
        self._learn(await topic_ids(self._client, self._topics))

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._client.close()

    def seek(self, tp: TopicPartition, offset: int, mark: TopicMark | None = None) -> None:
        """Go on from there; what is in stock or on its way is forgotten. `mark`: of its topic."""
        if mark is not None:
            self._stocks[tp] = _Stock(offset, mark.topic, mark.seed(tp.topic), heard_at=time.monotonic())
            return
        topic_id = self.ids.get(tp.topic)
        self._stocks[tp] = _Stock(offset, topic_id and topic_id.topic, "", heard_at=time.monotonic())

    def halted(self, tp: TopicPartition) -> Halt | None:
        """Why nothing more comes of it from where it stands, if that is so and its stock is used up."""
        stock = self._stocks.get(tp)
        return None if stock is None or stock.fetch_buffer else stock.halt

    def forget(self, tp: TopicPartition) -> None:
        """The partition has no lane any more."""
        self._stocks.pop(tp, None)

    def forget_others(self, tps: Iterable[TopicPartition]) -> None:
        """Keep these partitions only."""
        kept = set(tps)
        self._stocks = {tp: stock for tp, stock in self._stocks.items() if tp in kept}

    def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
        """What is in stock of a partition that was sought."""
        return self._stocks[tp].fetch_buffer

    def position(self, tp: TopicPartition) -> int | None:
        """Where its next question begins: behind what was fetched, its markers too; None: it is forgotten."""
        stock = self._stocks.get(tp)
        return None if stock is None else stock.position

    def unread(self, tp: TopicPartition) -> int:
        """What was not taken yet: records in stock, and offsets of the broker's beyond them as last heard."""
        stock = self._stocks.get(tp)
        if stock is None:
            return 0
        return len(stock.fetch_buffer) + max(0, (stock.end or 0) - stock.position)

    def next_offset(self, tp: TopicPartition) -> int:
        """As `position`, of a partition that was sought."""
        return self._stocks[tp].position

    def missing(self, tp: TopicPartition) -> int | None:
        """Where the partition begins, if the broker has no such offset as the one that is asked for."""
        return self._stocks[tp].begins

    def silent_s(self, tp: TopicPartition) -> float:
        """For how long no broker has answered for it, seconds."""
        return time.monotonic() - self._stocks[tp].heard_at

    async def gather(self, wanted: Iterable[TopicPartition], within_s: float) -> None:
        """Ask for more of the partitions of which nothing is in stock; return when any broker has answered.

        If there is something in stock of any of them, it does not wait.

        Raises:
            KafkaError: a broker refuses for good.
        """
        wanted = list(wanted)
        if any(tp in self._stocks and self._stocks[tp].topic is None for tp in wanted):
            await self._identify()
        for leader, stocks in self._by_leader(wanted).items():
            if leader not in self._asking:
                wait_ms = min(self._longest_wait_ms, int(within_s * 1000 * _WAIT_SHARE))
                self._asking[leader] = asyncio.create_task(self._ask(leader, stocks, wait_ms))
        if any(tp in self._stocks and self._stocks[tp].fetch_buffer for tp in wanted):
            within_s = 0
        if not self._asking:
            await asyncio.sleep(within_s)
            return
        await asyncio.wait(self._asking.values(), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        for leader in [leader for leader, task in self._asking.items() if task.done()]:
            self._asking.pop(leader).result()

    def _by_leader(self, wanted: Iterable[TopicPartition]) -> dict[int, dict[Place, _Stock]]:
        by_leader: dict[int, dict[Place, _Stock]] = {}
        for tp in wanted:
            stock = self._stocks.get(tp)
            if stock is None or stock.fetch_buffer or stock.halt or stock.topic is None:
                continue
            leader = self._client.cluster.leader_for_partition(tp)
            if leader in (None, -1):
                self._look_for_leaders()
            else:
                by_leader.setdefault(leader, {})[tp.topic, tp.partition] = stock
        return by_leader

    def _look_for_leaders(self) -> None:
        """Now and then, as others may be asked all the time."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _PAUSE_S
            self._client.force_metadata_update()

    async def _identify(self) -> None:
        """Now and then: learn which topics those are that were not there, and which were made anew."""
        if time.monotonic() < self._next_identify:
            return
        self._next_identify = time.monotonic() + _PAUSE_S
        with contextlib.suppress(KafkaError):  # who leads is asked as well, and that is heard of
            self._learn(await topic_ids(self._client, self._topics))

    def _learn(self, ids: dict[str, TopicId]) -> None:
        self.ids = ids
        for tp, stock in list(self._stocks.items()):
            topic_id = ids.get(tp.topic)
            if topic_id is None:
                continue
            if stock.topic is None:
                stock.topic = topic_id.topic
            elif stock.topic != topic_id.topic and not self._skips:
                stock.halt = Halt.MADE_ANEW
            elif stock.topic != topic_id.topic:
                # From its beginning; what comes of the one before is thrown away.
                self._stocks[tp] = replace(stock, topic=topic_id.topic, position=0)

    async def _ask(self, leader: int, stocks: Mapping[Place, _Stock], wait_ms: int) -> None:
        starts = {place: stock.position for place, stock in stocks.items()}
        ids = {topic: stock.topic for (topic, _), stock in stocks.items() if stock.topic is not None}
        try:
            request = fetch(
                starts,
                ids,
                wait_ms=wait_ms,
                least_bytes=self._gather_bytes,
                most_bytes=_MOST_BYTES_IN_ALL,
                most_of_each=_MOST_BYTES,
                committed_only=self._committed_only,
            )
            # Its own connection: a broker answers what came on one in turn, and it waits here for records.
            code, parts = await self._client.send(leader, request, group=ConnectionGroup.COORDINATION)
            _check(code, f"broker {leader}")
        except (KafkaError, KeyError) as error:  # KeyError: of a connection that the client has lost
            await self._pause(error if isinstance(error, KafkaError) else RequestTimedOutError(repr(error)))
            return
        refused: list[KafkaError] = []
        for place, part in parts.items():
            stock = stocks[place]
            if self._stocks.get(TopicPartition(*place)) is not stock:
                continue
            try:
                await self._put(place, stock, part)
            except KafkaError as error:
                refused.append(error)
        if refused:
            await self._pause(*refused)
        elif any(stock.begins is not None for stock in stocks.values()):
            await asyncio.sleep(_PAUSE_S)

    async def _put(self, place: Place, stock: _Stock, part: FetchedPartition) -> None:
        if part.code == OffsetOutOfRangeError.errno:
            await self._look_for_first(place, stock)
            return
        if part.code in _OTHER_TOPIC:
            await self._identify()
            raise UnknownTopicOrPartitionError(f"{place[0]}-{place[1]}")
        _check(part.code, f"{place[0]}-{place[1]}")
        batches, stock.position = read_batches(place, stock.position, part.records, part.aborted, stock.seed)
        stock.fetch_buffer.put(batches)
        stock.end, stock.begins, stock.heard_at = part.end, None, time.monotonic()

    async def _look_for_first(self, place: Place, stock: _Stock) -> None:
        """The broker has no such offset: what stood there is gone, or never was."""
        first = await self.partitions.first(place)
        if first > stock.position and not self._skips:
            stock.halt = Halt.GONE
            return
        if stock.begins is None:
            event(
                log,
                logging.ERROR,
                Event.OFFSET_GONE if first > stock.position else Event.OFFSET_MISSING,
                topic=place[0],
                partition=place[1],
                offset=stock.position,
                first=first,
            )
        stock.begins = first
        stock.position = max(stock.position, first)

    async def _pause(self, *errors: KafkaError) -> None:
        """Before it is asked again.

        Raises:
            KafkaError: the first one that does not pass.
        """
        for error in errors:
            if isinstance(error, _FINAL):
                raise error
        event(log, logging.INFO, Event.FETCH_PAUSED, errors=[repr(error) for error in errors])
        self._client.force_metadata_update()
        await asyncio.sleep(_PAUSE_S)


def _check(code: int, of: str) -> None:
    kind = for_code(code)
    if kind is not NoError:
        raise kind(of)
