"""Whether lanes stand still while records wait for them on the broker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

ReadTo = Callable[[TopicPartition], Awaitable[int | None]]


class StalledError(Exception):
    """Records wait on the broker and the consumer brings none."""


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
