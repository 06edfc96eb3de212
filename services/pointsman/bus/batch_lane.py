"""The router's kind of lane: read a batch, decide, write a batch and the position in one transaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from pointsman.bus.claimed import stand_in
from pointsman.bus.hop import observe_hop
from pointsman.bus.lane import Lane
from pointsman.bus.lane_writer import LaneWriter, Position
from pointsman.bus.lanes import Lanes
from pointsman.bus.payloads import Inline, Payloads
from pointsman.bus.records import Incoming, Outgoing
from pointsman.bus.settings import LanePart

#: Records decided at a time, and how many more wait beside them.
BATCH_RECORDS = 500
BUFFERED_RECORDS = 2_000


class BatchHandler(Protocol):
    """Pure: what is made of a batch. One object per lane, so it may remember what the lane has seen."""

    def warm(self, records: Sequence[Incoming]) -> None:
        """Remember records that were dealt with before this object existed."""

    def __call__(self, records: Sequence[Incoming]) -> list[Outgoing]:
        """Everything that follows from `records`."""


class BatchLane(Lane):
    """Strictly in order. Records before `committed` only warm the handler's memory."""

    def __init__(
        self,
        position: int,
        committed: int,
        writer: LaneWriter,
        handler: BatchHandler,
        payloads: Payloads | None = None,
    ) -> None:
        super().__init__(position)
        self._payloads = payloads or Inline()
        self._committed = committed
        self._writer = writer
        self._handler = handler
        self._waiting: deque[Incoming] = deque()
        self._fed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < BUFFERED_RECORDS

    @property
    def pending(self) -> int:
        return len(self._waiting)

    @property
    def oldest_ms(self) -> int | None:
        return self._waiting[0].timestamp_ms if self._waiting else None

    def feed(self, records: Sequence[Incoming]) -> None:
        past = [record for record in records if record.offset < self._committed]
        if past:
            self._handler.warm([stand_in(record) for record in past])
        self._waiting.extend(record for record in records if record.offset >= self._committed)
        self.position = records[-1].offset + 1
        if self._waiting:
            self._fed.set()

    async def run(self) -> None:
        while True:
            await self._fed.wait()
            async with self._turn:
                await self._step()

    async def finish(self, grace_s: float) -> None:
        """Nothing is in flight between two transactions: what waits is simply not committed."""

    async def _step(self) -> None:
        next_ones = [self._waiting[place] for place in range(min(len(self._waiting), BATCH_RECORDS))]
        if next_ones:
            batch = await self._payloads.fetch(next_ones)
            records = await self._payloads.deposit(self._handler(batch))
            await self._writer.write(records, batch[-1].offset + 1)
            self._committed = batch[-1].offset + 1
            for _ in batch:
                self._waiting.popleft()
            observe_hop(batch[0].topic, batch)
        if not self._waiting:
            self._fed.clear()


def batch_lanes(
    settings: LanePart,
    group: str,
    topic: str,
    make_handler: Callable[[], BatchHandler],
    *,
    remembered: int,
    payloads: Payloads | None = None,
) -> Lanes:
    """Lanes in strict order; each first shows its handler up to `remembered` records from before its own."""

    def open_lane(first: int, position: Position, writer: LaneWriter, _: Lane | None) -> BatchLane:
        committed = first if position.next_offset is None else max(first, position.next_offset)
        return BatchLane(max(first, committed - remembered), committed, writer, make_handler(), payloads)

    return Lanes(settings, group, topic, open_lane)
