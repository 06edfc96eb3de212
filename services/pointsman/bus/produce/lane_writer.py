"""Writes a lane's records and offset in the process's transactions.

Invariants:
- An offset is committed with the group membership under which the lane was assigned. Once another member owns
  the partition, the broker refuses it, even if this process was frozen for long.
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
from pointsman.bus.partition import Partition
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.protocol.transaction_requests import Membership, Offset
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: Time for a dead owner's transaction to be aborted, in seconds: its timeout and the broker's interval.
_STABLE_S = 40.0
#: The pause before a topic that cannot be written to is tried again, in seconds.
_CLOSED_S = 5.0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a lane continues: the next offset, and the finished offsets beyond it."""

    next_offset: int | None
    finished: frozenset[int] = frozenset()

    def behind(self, first: int) -> int:
        """Return the next offset in a partition whose first offset is `first`."""
        return first if self.next_offset is None else max(first, self.next_offset)


class LaneWriter:
    """One lane's access to the process's transactions."""

    def __init__(
        self, group: str, lane: TopicPartition, transactions: TransactionQueue, membership: Membership
    ) -> None:
        """`membership`: the one under which the lane was assigned; the lane's host keeps it up to date."""
        self._group = group
        self.lane = lane
        self.membership = membership
        self._queue = transactions
        self._partitions: dict[str, int] = {}
        #: The number of partitions of the lane's topic; known once `position` was called.
        self.partitions = 1
        self._keyless = itertools.count()
        #: Topics that cannot be written to, whose records go elsewhere, and until when.
        self._closed_until: dict[str, float] = {}
        self._last = Position(None)
        #: The topic whose records go to the partition with the lane's number, whatever their keys.
        self.changelog: str | None = None
        #: The mark of the lane's topic; None until `position` was called.
        self.mark: TopicMark | None = None

    @property
    def seed(self) -> str:
        """What stands for the lane's topic in derived ids, see `Incoming`."""
        return "" if self.mark is None else self.mark.seed(self.lane.topic)

    async def position(self, admin: AIOKafkaAdminClient, topic: UUID | None = None) -> Position:
        """Return the committed position of this lane. `topic`: the topic id that it must belong to.

        Raises:
            KafkaError: it could not be read; the lane must not take that for a group that never committed.
        """
        await self._queue.wait_for_writes_of((self.lane.topic, self.lane.partition))
        await self._count(self.lane.topic)
        if topic is not None:
            self.mark = await topic_mark(admin, self._group, self.lane.topic, topic)
        self._last = await self._committed(admin)
        return self._last

    async def wait_for_writes_of(self, topics: Iterable[str]) -> None:
        """Return when no write of this process for this partition of `topics` is in flight."""
        for topic in topics:
            await self._queue.wait_for_writes_of((topic, self.lane.partition))

    async def is_last(self, admin: AIOKafkaAdminClient, *, within: float) -> bool:
        """Whether the committed position is what this writer last read or wrote: nobody else had the lane.

        Raises:
            KafkaError: it could not be read within `within` seconds.
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
            RecordsRefusedError: nothing was written, as topics refuse some of the records.
            TopicsClosedError: nothing was written, as this user may not write to some of the topics.
            KafkaError, OSError: it is unknown whether it was written.
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
                # Topics of another lane in the transaction, or of this one, whose records then go elsewhere.
                ours = error.topics.intersection(topic for topic, _ in grouped)
                if ours - {record.topic for record in records if _fallback_topic(record)}:
                    raise
                for topic in ours:
                    self._close(topic, str(error))
        self._last = Position(next_offset, decode_metadata(next_offset, metadata))

    async def _grouped(self, records: Iterable[Made]) -> dict[Partition, list[Made]]:
        """Group records by target partition. Raises: RecordsRefusedError."""
        grouped: dict[Partition, list[Made]] = {}
        refused: list[Outgoing] = []
        for record in records:
            if isinstance(record, Outgoing) and len(record.value or b"") > LARGEST_VALUE:
                refused.append(record)
                continue
            if (fallback := _fallback_topic(record)) and not await self._is_open(record.topic):
                record = replace(record, topic=fallback)  # noqa: PLW2901
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
        """Whether the topic can be written to, as far as is known."""
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
        """Read the numbers of partitions again: topics may have grown."""
        self._partitions.clear()


def partition_of(key: bytes | None, count: int, keyless: "itertools.count[int]") -> int:
    """Return the partition as Java's default partitioner does; without a key they take turns."""
    if key is None:
        return next(keyless) % count
    return int(murmur2(key) & 0x7FFFFFFF) % count


def _fallback_topic(record: Made) -> str | None:
    """Return the topic to use instead if the record's own cannot be written to."""
    return record.fallback_topic if isinstance(record, Outgoing) else None
