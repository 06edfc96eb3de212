"""Writes a lane's records and offset in the process's transactions.

Invariants:
- An offset is committed with the group membership under which the lane was assigned: once the partition is
  another's, the broker refuses it, however late this process wakes.
- The committed offset is read only when no open transaction would move it: a former owner's has ended, or
  will be refused.
- After any error but a refusal the transaction's result is unknown: the writer is not used again, and the
  lane is reopened.
"""

import itertools
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import murmur2

from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.topic_seed import TopicMark, mark, topic_mark, unmark
from pointsman.bus.codec.encoded_batch import EncodedBatch, Made
from pointsman.bus.codec.records import LARGEST_VALUE, Outgoing
from pointsman.bus.errors import RecordsRefusedError, TopicsClosedError
from pointsman.bus.places import Place
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.protocol.transaction_requests import Membership, Offset
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: For the transaction of an owner that died to be aborted, seconds: its time, and until the broker looks.
_STABLE_S = 40.0
#: For how long a topic that cannot be written to is not tried once more, seconds.
_CLOSED_S = 5.0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a lane goes on: the next offset, and the finished offsets beyond it."""

    next_offset: int | None
    finished: frozenset[int] = frozenset()

    def behind(self, first: int) -> int:
        """The next offset in a partition that begins at `first`."""
        return first if self.next_offset is None else max(first, self.next_offset)


class LaneWriter:
    """One lane's access to the transactions."""

    def __init__(
        self, group: str, lane: TopicPartition, transactions: TransactionQueue, membership: Membership
    ) -> None:
        """`membership`: what the lane was given to, which whoever keeps the lane brings up to date."""
        self._group = group
        self.lane = lane
        self.membership = membership
        self._queue = transactions
        self._partitions: dict[str, int] = {}
        #: How many partitions the lane's own topic has; known once the position is.
        self.partitions = 1
        self._keyless = itertools.count()
        #: Topics whose records go to another one, and until when.
        self._closed_until: dict[str, float] = {}
        self._last = Position(None)
        #: The topic in which the lane has the partition of its own number, whatever the keys of its records.
        self.changelog: str | None = None
        #: Which topic the lane's positions are in; None until it is asked for.
        self.mark: TopicMark | None = None

    @property
    def seed(self) -> str:
        """What derived ids call the lane's topic, see `Incoming`."""
        return "" if self.mark is None else self.mark.seed(self.lane.topic)

    async def position(self, admin: AIOKafkaAdminClient, topic: UUID | None = None) -> Position:
        """The committed position of this lane; `topic`: the id of the topic that it must be in.

        Raises:
            KafkaError: the brokers do not say; the lane must not take that for a group that never committed.
        """
        await self._queue.settled((self.lane.topic, self.lane.partition))
        await self._count(self.lane.topic)
        if topic is not None:
            self.mark = await topic_mark(admin, self._group, self.lane.topic, topic)
        self._last = await self._committed(admin)
        return self._last

    async def settled(self, topics: Iterable[str]) -> None:
        """Return when nothing that we wrote for the lanes of this partition in these topics is under way."""
        for topic in topics:
            await self._queue.settled((topic, self.lane.partition))

    async def is_last(self, admin: AIOKafkaAdminClient, *, within: float) -> bool:
        """Whether the committed position is as this writer read or wrote it last: nobody else had the lane.

        Raises:
            KafkaError: the brokers did not say `within` seconds.
        """
        return await self._committed(admin, within) == self._last

    async def _committed(self, admin: AIOKafkaAdminClient, within: float = _STABLE_S) -> Position:
        place = (self.lane.topic, self.lane.partition)
        positions = await committed_offsets(admin, self._group, [place], within=within, stable=True)
        if place not in positions:
            return Position(None)
        offset, metadata = positions[place]
        written, _ = unmark(metadata)
        if written is not None and self.mark is not None and written.topic != self.mark.topic:
            event(
                log,
                logging.WARNING,
                Event.TOPIC_RECREATED,
                topic=place[0],
                partition=place[1],
                position=offset,
            )
            return Position(None)
        return Position(offset, decode_metadata(offset, metadata))

    async def write(self, records: Iterable[Made], next_offset: int, metadata: str = "") -> None:
        """Publish `records` and commit the lane's position: all of it or nothing.

        Raises:
            RecordsRefusedError: nothing was written, as topics do not take some of the records.
            TopicsClosedError: nothing was written, as we may not write to some of the topics.
            KafkaError, OSError: whether it was written is not known.
        """
        records = list(records)
        place = (self.lane.topic, self.lane.partition)
        offset = Offset(place, next_offset, mark(metadata, self.mark))
        while True:
            grouped = await self._grouped(records)
            try:
                await self._queue.write(self.membership, offset, grouped)
                break
            except TopicsClosedError as error:
                # Another lane's, which is in the same transaction; or ours, which go elsewhere then.
                ours = error.topics.intersection(topic for topic, _ in grouped)
                if ours - {record.topic for record in records if _otherwise(record)}:
                    raise
                for topic in ours:
                    self._close(topic, str(error))
        self._last = Position(next_offset, decode_metadata(next_offset, metadata))

    async def _grouped(self, records: Iterable[Made]) -> dict[Place, list[Made]]:
        """By the partition to which they go. Raises: RecordsRefusedError."""
        grouped: dict[Place, list[Made]] = {}
        refused: list[Outgoing] = []
        for record in records:
            if isinstance(record, Outgoing) and len(record.value or b"") > LARGEST_VALUE:
                refused.append(record)
                continue
            if (otherwise := _otherwise(record)) and not await self._is_open(record.topic):
                record = replace(record, topic=otherwise)  # noqa: PLW2901
            count = self._partitions.get(record.topic) or await self._count(record.topic)
            if record.topic == self.changelog:
                partition = self.lane.partition
            elif isinstance(record, EncodedBatch):
                partition = record.partition % count
            else:
                partition = partition_of(record.key, count, self._keyless)
            grouped.setdefault((record.topic, partition), []).append(record)
        if refused:
            raise RecordsRefusedError(refused, f"too large for any topic: {len(refused)} records")
        return grouped

    async def _is_open(self, topic: str) -> bool:
        """Whether it can be written to, as far as is known."""
        if time.monotonic() < self._closed_until.get(topic, 0.0):
            return False
        if topic in self._partitions or await self._queue.transactions.is_there(topic):
            return True
        self._close(topic, "there is no such topic")
        return False

    def _close(self, topic: str, problem: str) -> None:
        self._closed_until[topic] = time.monotonic() + _CLOSED_S
        self._partitions.pop(topic, None)
        event(log, logging.WARNING, Event.TOPIC_PASSED_OVER, topic=topic, problem=problem)

    async def _count(self, topic: str) -> int:
        count = self._partitions[topic] = await self._queue.transactions.partitions(topic)
        if topic == self.lane.topic:
            self.partitions = count
        return count

    def forget_partitions(self) -> None:
        """Ask again how many partitions topics have: there may be more by now."""
        self._partitions.clear()


def partition_of(key: bytes | None, count: int, keyless: "itertools.count[int]") -> int:
    """The partition that Java's default partitioner gives a key; records without one go round."""
    if key is None:
        return next(keyless) % count
    return int(murmur2(key) & 0x7FFFFFFF) % count


def _otherwise(record: Made) -> str | None:
    """The topic to which it goes where its own takes nothing."""
    return record.otherwise if isinstance(record, Outgoing) else None
