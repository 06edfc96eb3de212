"""What every reader of the bus needs: a consumer without surprises, and a watchdog for when it hangs."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from pointsman.bus.records import Incoming
from pointsman.bus.settings import LanePart

_NEVER_MS = 24 * 3600 * 1000
_GATHER_MS = 100


class StalledError(Exception):
    """Records wait on the broker and the consumer brings none."""


def consumer_of(settings: LanePart, group: str, *, gather_bytes: int = 1) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself and reads only what is committed.

    The broker answers as soon as it has `gather_bytes` for us, or after `_GATHER_MS` with what there is.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=group,
        client_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(3_000, settings.session_timeout_ms // 4),
        rebalance_timeout_ms=max(10_000, settings.session_timeout_ms),
        # A lane that is full is left out of the poll on purpose; our own watchdog sees to progress.
        max_poll_interval_ms=_NEVER_MS,
        partition_assignment_strategy=(StickyPartitionAssignor,),
        metadata_max_age_ms=5_000,
        retry_backoff_ms=50,
        fetch_min_bytes=gather_bytes,
        fetch_max_wait_ms=_GATHER_MS,
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


def unread(consumer: AIOKafkaConsumer, tp: TopicPartition, position: int) -> int:
    """Records between `position` and the end as last heard; 0 where the partition is another's by now."""
    # The client would fail an assertion, which no caller expects, on a partition that it was assigned before.
    end = consumer.highwater(tp) if tp in consumer.assignment() else None
    return max(0, (end or 0) - position)


class Watchdog:
    """Raises `StalledError` when records wait on the broker and a lane stands still for `limit_s` seconds."""

    def __init__(self, consumer: AIOKafkaConsumer, limit_s: float) -> None:
        self._consumer = consumer
        self._limit_s = limit_s
        self._seen: dict[TopicPartition, tuple[int, float]] = {}
        self._next_look = time.monotonic() + limit_s / 2

    async def look(self, positions: Mapping[TopicPartition, int]) -> None:
        """Cheap on every poll; asks the broker every half limit."""
        now = time.monotonic()
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
        # What is left may be transaction markers only: then the client's own position has passed them.
        try:
            return bool(await asyncio.wait_for(self._consumer.position(tp), 1) >= end)
        except TimeoutError:
            return False
