"""Detects lanes that do not progress while records wait for them on the broker."""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import TopicPartition

from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.partition import LATEST


class StalledError(Exception):
    """Records wait on the broker, and none are fetched."""


class Watchdog:
    """Raises `StalledError` if records wait on the broker and a lane makes no progress for `limit_s` s."""

    def __init__(self, fetcher: Fetcher, limit_s: float) -> None:
        self._fetcher = fetcher
        self._limit_s = limit_s
        self._seen: dict[TopicPartition, tuple[int, float]] = {}
        self._called_at = time.monotonic()
        self._next_look = self._called_at + limit_s / 2

    async def look(self, positions: Mapping[TopicPartition, int]) -> None:
        """Check the lanes' positions. Cheap at every poll; asks the broker every half limit."""
        now = time.monotonic()
        if now - self._called_at > self._limit_s / 4:
            self._seen = {}  # this process paused: frozen, or waiting for a store
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
        latest = dict.fromkeys([(tp.topic, tp.partition) for tp in still], LATEST)
        try:
            ends = await asyncio.wait_for(self._fetcher.partitions.offsets(latest), self._limit_s / 2)
        except TimeoutError:
            raise StalledError("the broker does not report the end of the topic") from None
        for tp in still:
            self._seen[tp] = (moved[tp][0], now)
            if tp not in self._fetcher:
                continue  # its lane failed while the broker was asked
            end = ends[tp.topic, tp.partition]
            # All that the lane lacks may be transaction markers.
            if end > moved[tp][0] and self._fetcher.next_offset(tp) < end:
                raise StalledError(f"{tp.topic}-{tp.partition} stands at {moved[tp][0]}, its end is {end}")
