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
from pointsman.bus.partition import Partition
from pointsman.bus.protocol.fetch_requests import FetchedPartition, fetch
from pointsman.bus.read.partitions import Partitions
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart

log = logging.getLogger(__name__)

#: The most bytes of one partition, and of one fetch request.
_MOST_BYTES, _MOST_BYTES_IN_ALL = 1024 * 1024, 16 * 1024 * 1024
#: How long a broker waits for records, at most, and as a share of the time for which the caller waits: so the
#: response arrives before that and wakes the caller once.
_WAIT_MS, _WAIT_SHARE = 2_000, 0.9
_PAUSE_S = 0.05
#: Errors that a retry does not end.
_FINAL = (TopicAuthorizationFailedError, CorruptRecordException, IncompatibleBrokerVersion)

#: UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID: the client has no names for them.
_OTHER_TOPIC = frozenset((UnknownTopicOrPartitionError.errno, 100, 103))


class Halt(Enum):
    """Why a partition is no longer fetched."""

    RECORDS_DELETED = auto()  # the next records were deleted before they were read
    TOPIC_RECREATED = auto()  # another topic has that name now


@dataclass(slots=True)
class _FetchState:
    """What is fetched of one partition. `position`: the offset that the next request begins at.

    `topic_id`: of the topic that the position is in; a response for another one is refused.
    `seed`: stands for the topic in derived ids, so that a recreated topic gives other ids.
    `end_offset`: the partition's, from the last response, which came at `answered_at` (monotonic clock).
    `first_offset`: set when the position is out of range: the partition's first offset.
    """

    position: int
    topic_id: UUID | None
    seed: str
    fetch_buffer: FetchBuffer = field(default_factory=FetchBuffer)
    end_offset: int | None = None
    first_offset: int | None = None
    answered_at: float = 0.0
    halt: Halt | None = None


class Fetcher:
    """Fetches for the partitions that were sought.

    `gather_bytes`: a broker responds as soon as it has so many bytes, or after the longest wait.
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
        #: The connection to the brokers, for other requests too.
        self.client = connection.client(
            settings, client_id=name, request_timeout_ms=request_timeout_ms, retry_backoff_ms=50
        )
        #: The first and last offsets of partitions.
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
        self._states: dict[TopicPartition, _FetchState] = {}
        self._requests: dict[int, asyncio.Task[None]] = {}
        self._next_leaders_at = 0.0
        self._next_topic_ids_at = 0.0
        self._topics: set[str] = set()
        #: The ids of the topics that exist, from the last look-up.
        self.ids: dict[str, TopicId] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        await connection.connect(self.client)

    async def set_topics(self, topics: Iterable[str]) -> None:
        """Fetch only partitions of these topics; looks up their leaders and ids.

        Raises:
            KafkaError: no broker answers.
        """
        self._topics = set(topics)
        await self.client.set_topics(self._topics)
        self._apply_topic_ids(await topic_ids(self.client, self._topics))

    async def close(self) -> None:
        for task in self._requests.values():
            task.cancel()
        await asyncio.gather(*self._requests.values(), return_exceptions=True)
        await self.client.close()

    def seek(self, tp: TopicPartition, offset: int, mark: TopicMark | None = None) -> None:
        """Fetch from `offset` on; drops what is buffered or requested. `mark`: the topic's id and seed."""
        ids = self.ids.get(tp.topic)
        topic_id, seed = ids and ids.topic, ""
        if mark is not None:
            topic_id, seed = mark.topic, mark.seed(tp.topic)
        self._states[tp] = _FetchState(offset, topic_id, seed, answered_at=time.monotonic())

    def halted(self, tp: TopicPartition) -> Halt | None:
        """Why the partition is no longer fetched; None if it is, or while its buffer has records."""
        state = self._states.get(tp)
        return None if state is None or state.fetch_buffer else state.halt

    def forget(self, tp: TopicPartition) -> None:
        """Stop fetching the partition."""
        self._states.pop(tp, None)

    def forget_others(self, tps: Iterable[TopicPartition]) -> None:
        """Stop fetching all partitions but these."""
        partitions = set(tps)
        self._states = {tp: state for tp, state in self._states.items() if tp in partitions}

    def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
        """The fetched records of a partition. Raises KeyError if it is not fetched."""
        return self._states[tp].fetch_buffer

    def __contains__(self, tp: TopicPartition) -> bool:
        """Whether the partition is fetched: it was sought, and not forgotten since."""
        return tp in self._states

    def unread(self, tp: TopicPartition) -> int:
        """Records not taken yet: those in the buffer, and the broker's offsets after them."""
        state = self._states.get(tp)
        if state is None:
            return 0
        return len(state.fetch_buffer) + max(0, (state.end_offset or 0) - state.position)

    def next_offset(self, tp: TopicPartition) -> int:
        """The offset after all that was fetched, markers included. Raises KeyError as `fetch_buffer`."""
        return self._states[tp].position

    def first_offset_if_gone(self, tp: TopicPartition) -> int | None:
        """The partition's first offset, if the broker has no record at the position that was requested."""
        return self._states[tp].first_offset

    def answer_age_s(self, tp: TopicPartition) -> float:
        """Seconds since a broker last sent a response for the partition."""
        return time.monotonic() - self._states[tp].answered_at

    async def gather(self, partitions: Iterable[TopicPartition], within_s: float) -> None:
        """Request records of the partitions whose buffer is empty; return when any broker has answered.

        If any of them has records in its buffer, it does not wait. Otherwise it waits `within_s` at most.

        Raises:
            KafkaError: a broker refuses, and a retry would not help.
        """
        partitions = list(partitions)
        if any(tp in self._states and self._states[tp].topic_id is None for tp in partitions):
            await self._refresh_topic_ids()
        for leader, states in self._by_leader(partitions).items():
            if leader not in self._requests:
                wait_ms = min(self._longest_wait_ms, int(within_s * 1000 * _WAIT_SHARE))
                self._requests[leader] = asyncio.create_task(self._request(leader, states, wait_ms))
        if any(tp in self._states and self._states[tp].fetch_buffer for tp in partitions):
            within_s = 0
        if not self._requests:
            await asyncio.sleep(within_s)
            return
        await asyncio.wait(self._requests.values(), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        for leader in [leader for leader, task in self._requests.items() if task.done()]:
            self._requests.pop(leader).result()

    def _by_leader(self, partitions: Iterable[TopicPartition]) -> dict[int, dict[Partition, _FetchState]]:
        by_leader: dict[int, dict[Partition, _FetchState]] = {}
        for tp in partitions:
            state = self._states.get(tp)
            if state is None or state.fetch_buffer or state.halt or state.topic_id is None:
                continue
            leader = self.client.cluster.leader_for_partition(tp)
            if leader in (None, -1):
                self._refresh_leaders()
            else:
                by_leader.setdefault(leader, {})[tp.topic, tp.partition] = state
        return by_leader

    def _refresh_leaders(self) -> None:
        """Not on each call: other partitions may be fetched all the time."""
        if time.monotonic() >= self._next_leaders_at:
            self._next_leaders_at = time.monotonic() + _PAUSE_S
            self.client.force_metadata_update()

    async def _refresh_topic_ids(self) -> None:
        """Not on each call: look up the ids of topics that were missing or are recreated."""
        if time.monotonic() < self._next_topic_ids_at:
            return
        self._next_topic_ids_at = time.monotonic() + _PAUSE_S
        with contextlib.suppress(KafkaError):  # the look-up of leaders fails too, and reports it
            self._apply_topic_ids(await topic_ids(self.client, self._topics))

    def _apply_topic_ids(self, ids: dict[str, TopicId]) -> None:
        self.ids = ids
        for tp, state in list(self._states.items()):
            topic_id = ids.get(tp.topic)
            if topic_id is None:
                continue
            if state.topic_id is None:
                state.topic_id = topic_id.topic
            elif state.topic_id != topic_id.topic and not self._skips:
                state.halt = Halt.TOPIC_RECREATED
            elif state.topic_id != topic_id.topic:
                # From its beginning; a response of the former topic is discarded.
                self._states[tp] = replace(state, topic_id=topic_id.topic, position=0)

    async def _request(self, leader: int, states: Mapping[Partition, _FetchState], wait_ms: int) -> None:
        starts = {place: state.position for place, state in states.items()}
        ids = {topic: state.topic_id for (topic, _), state in states.items() if state.topic_id is not None}
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
            # Its own connection: a broker answers each connection in order, and here it waits for records.
            code, parts = await self.client.send(leader, request, group=ConnectionGroup.COORDINATION)
            _check(code, f"broker {leader}")
        except KafkaError as error:
            await self._pause(error)
            return
        refused: list[KafkaError] = []
        for place, part in parts.items():
            state = states[place]
            if self._states.get(TopicPartition(*place)) is not state:
                continue
            try:
                await self._take_response(place, state, part)
            except KafkaError as error:
                refused.append(error)
        if refused:
            await self._pause(*refused)
        elif any(state.first_offset is not None for state in states.values()):
            await asyncio.sleep(_PAUSE_S)

    async def _take_response(self, place: Partition, state: _FetchState, part: FetchedPartition) -> None:
        if part.code == OffsetOutOfRangeError.errno:
            await self._take_out_of_range(place, state)
            return
        if part.code in _OTHER_TOPIC:
            await self._refresh_topic_ids()
            raise UnknownTopicOrPartitionError(f"{place[0]}-{place[1]}")
        _check(part.code, f"{place[0]}-{place[1]}")
        batches, state.position = read_batches(place, state.position, part.records, part.aborted, state.seed)
        state.fetch_buffer.put(batches)
        state.end_offset, state.first_offset, state.answered_at = part.end, None, time.monotonic()

    async def _take_out_of_range(self, place: Partition, state: _FetchState) -> None:
        """The broker has no record at the position: it was deleted, or there never was one."""
        first = await self.partitions.first(place)
        if first > state.position and not self._skips:
            state.halt = Halt.RECORDS_DELETED
            return
        if state.first_offset is None:
            kind = Event.OFFSET_GONE if first > state.position else Event.OFFSET_MISSING
            fields = {"topic": place[0], "partition": place[1], "offset": state.position, "first": first}
            event(log, logging.ERROR, kind, **fields)
        state.first_offset = first
        state.position = max(state.position, first)

    async def _pause(self, *errors: KafkaError) -> None:
        """Wait before the next request.

        Raises:
            KafkaError: the first of `errors` that a retry does not end.
        """
        for error in errors:
            if isinstance(error, _FINAL):
                raise error
        event(log, logging.INFO, Event.FETCH_PAUSED, errors=[repr(error) for error in errors])
        self.client.force_metadata_update()
        await asyncio.sleep(_PAUSE_S)


def _check(code: int, source: str) -> None:
    kind = for_code(code)
    if kind is not NoError:
        raise kind(source)
