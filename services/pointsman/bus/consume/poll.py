"""What every reader of the bus needs: a place in its group, and a watchdog for when it hangs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from pointsman.bus import connection
from pointsman.bus.codec.records import Incoming
from pointsman.bus.settings import LanePart

_NEVER_MS = 24 * 3600 * 1000
_GROUP_MS = 1_000

ReadTo = Callable[[TopicPartition], Awaitable[int | None]]


class StalledError(Exception):
    """Records wait on the broker and the consumer brings none."""


def consumer_of(settings: LanePart, group: str) -> AIOKafkaConsumer:
    """A consumer that keeps us in a group; it commits nothing by itself.

    Whoever has it pauses its partitions, which a `Fetcher` reads, and awaits `watch_group`.
    """
    return connection.consumer(
        settings,
        group_id=group,
        client_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(3_000, settings.session_timeout_ms // 4),
        rebalance_timeout_ms=max(10_000, settings.session_timeout_ms),
        # Whether there is progress is for our own watchdog.
        max_poll_interval_ms=_NEVER_MS,
        partition_assignment_strategy=(StickyPartitionAssignor,),
        metadata_max_age_ms=5_000,
        retry_backoff_ms=50,
        request_timeout_ms=settings.request_timeout_ms,
    )


def incoming(record: Any) -> Incoming:
    """Our record from the client's."""
    return Incoming(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )


async def first_offset(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """Where a partition begins."""
    first: int = (await consumer.beginning_offsets([tp]))[tp]
    return first


async def watch_group(consumer: AIOKafkaConsumer) -> None:
    """Keep asking a consumer whose partitions are all paused, so that it stays in its group.

    Raises:
        KafkaError: the group refuses for good; the consumer tells nobody else.
    """
    while True:
        await consumer.getmany(timeout_ms=_GROUP_MS)


class Watchdog:
    """Raises `StalledError` when records wait on the broker and a lane stands still for `limit_s` seconds.

    `read_to` says how far a partition was read, its markers of transactions counted; None: it was left.
    """

    def __init__(self, consumer: AIOKafkaConsumer, limit_s: float, read_to: ReadTo) -> None:
        self._consumer = consumer
        self._limit_s = limit_s
        self._read_to = read_to
        self._seen: dict[TopicPartition, tuple[int, float]] = {}
        self._called_at = time.monotonic()
        self._next_look = self._called_at + limit_s / 2

    async def look(self, positions: Mapping[TopicPartition, int]) -> None:
        """Cheap on every poll; asks the broker every half limit."""
        now = time.monotonic()
        if now - self._called_at > self._limit_s / 4:
            self._seen = {}  # it was us who stood still: frozen, or waiting for a store
        self._called_at = now
        if now < self._next_look:
            return
        self._next_look = now + self._limit_s / 2
        moved = {}
        for tp, position in positions.items():
            before = self._seen.get(tp)
            moved[tp] = before if before is not None and before[0] == position else (position, now)
        self._seen = moved
        still = [tp for tp, (_, since) in moved.items() if now - since >= self._limit_s]
        if not still:
            return
        try:
            ends = await asyncio.wait_for(self._consumer.end_offsets(still), self._limit_s / 2)
        except TimeoutError:
            raise StalledError("the broker does not say where the topic ends") from None
        for tp in still:
            self._seen[tp] = (moved[tp][0], now)
            if ends[tp] > moved[tp][0] and not await self._at_end(tp, ends[tp]):
                raise StalledError(
                    f"{tp.topic}-{tp.partition} stands at {moved[tp][0]}, its end is {ends[tp]}"
                )

    async def _at_end(self, tp: TopicPartition, end: int) -> bool:
        # What is left may be transaction markers only; a lane may have failed while the broker was asked.
        try:
            read_to = await asyncio.wait_for(self._read_to(tp), 1)
        except TimeoutError:  # the client itself does not know
            return False
        return read_to is None or read_to >= end
