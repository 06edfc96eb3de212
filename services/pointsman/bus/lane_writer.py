"""Writes what a lane made, and how far it got, in one Kafka transaction.

Invariants:
- The transactional id belongs to the lane, so opening a writer fences the lane's previous owner, wherever
  it is and whenever it wakes up.
- The committed position is read only after that: nobody can move it any more.
- Any error leaves the outcome of the transaction open; the writer is then useless and the lane starts anew.
"""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import murmur2
from aiokafka.producer import sender
from aiokafka.structs import OffsetAndMetadata

from pointsman.bus.bitmap import decode_metadata
from pointsman.bus.committed import committed_offsets
from pointsman.bus.records import Outgoing
from pointsman.bus.settings import LanePart

# How long the client waits when the broker has not yet ended the lane's transaction before. It takes a
# millisecond or two after each commit, and one transaction in five comes that soon: 20 ms are too many.
sender.BACKOFF_OVERRIDE = 0.003

#: Aim of one produce batch before compression, bytes.
BATCH_BYTES = 512 * 1024
#: The largest single record that a writer takes, bytes: an intake record with all that is added to it.
MAX_RECORD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """Where a lane goes on: the next offset, and what beyond it is finished already."""

    next_offset: int | None
    finished: frozenset[int] = frozenset()


class LaneWriter:
    """One transactional producer for one lane."""

    def __init__(self, group: str, lane: TopicPartition, producer: AIOKafkaProducer) -> None:
        self._group = group
        self._lane = lane
        self._producer = producer
        self._partitions: dict[str, int] = {}
        self._keyless = itertools.count()

    @classmethod
    async def open(cls, settings: LanePart, group: str, lane: TopicPartition) -> "LaneWriter":
        """Start the producer; the lane's previous owner is fenced when this returns."""
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka,
            client_id=f"{group}-{lane.topic}-{lane.partition}",
            transactional_id=f"{group}-{lane.topic}-{lane.partition}",
            transaction_timeout_ms=settings.transaction_timeout_ms,
            request_timeout_ms=settings.request_timeout_ms,
            retry_backoff_ms=20,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return cls(group, lane, producer)

    async def position(self, admin: AIOKafkaAdminClient) -> Position:
        """The committed position of this lane.

        Raises:
            KafkaError: the brokers do not say; the lane must not take that for a group that never committed.
        """
        place = (self._lane.topic, self._lane.partition)
        found = (await committed_offsets(admin, self._group, [place])).get(place)
        if found is None:
            return Position(None)
        offset, metadata = found
        return Position(offset, decode_metadata(offset, metadata))

    async def write(self, records: Iterable[Outgoing], next_offset: int, metadata: str = "") -> None:
        """Publish `records` and commit the lane's position: all of it or nothing."""
        grouped: dict[tuple[str, int], list[Outgoing]] = {}
        for record in records:
            count = self._partitions.get(record.topic) or await self._count(record.topic)
            place = record.beside
            partition = partition_of(record.key, count, self._keyless) if place is None else place % count
            grouped.setdefault((record.topic, partition), []).append(record)
        await self._producer.begin_transaction()
        sent: list[asyncio.Future[Any]] = []
        for (topic, partition), batch in grouped.items():
            sent += await self._send(topic, partition, batch)
        # One after the other: while the coordinator notes down the group, it cannot tell the broker that the
        # records' partitions belong to the transaction, so these would be refused and sent again 20 ms later.
        await asyncio.gather(*sent)
        await self._producer.send_offsets_to_transaction(
            {self._lane: OffsetAndMetadata(next_offset, metadata)}, self._group
        )
        await self._producer.commit_transaction()

    async def close(self) -> None:
        """Stop the producer; a transaction still open is aborted by the lane's next owner."""
        await self._producer.stop()

    async def _count(self, topic: str) -> int:
        count = self._partitions[topic] = len(await self._producer.partitions_for(topic))
        return count

    async def _send(
        self, topic: str, partition: int, records: Sequence[Outgoing]
    ) -> list["asyncio.Future[Any]"]:
        sent: list[asyncio.Future[Any]] = []
        batch = self._producer.create_batch()
        for record in records:
            if not _append(batch, record):
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                _append(batch, record)  # the first record of a batch always fits
        sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent


def partition_of(key: bytes | None, count: int, keyless: "itertools.count[int]") -> int:
    """The partition that Java's default partitioner gives a key; records without one go round."""
    if key is None:
        return next(keyless) % count
    return int(murmur2(key) & 0x7FFFFFFF) % count


def _append(batch: Any, record: Outgoing) -> bool:
    added = batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
    return added is not None
