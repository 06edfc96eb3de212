"""The router's kind of lane: read a batch, decide, write a batch and the position in one transaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from pointsman.bus.bundle import Bundle, Made
from pointsman.bus.claimed import stand_in
from pointsman.bus.hop import observe_hop
from pointsman.bus.lane import Lane
from pointsman.bus.lane_writer import LaneWriter, Position
from pointsman.bus.lanes import Lanes
from pointsman.bus.payloads import Inline, Payloads
from pointsman.bus.records import Incoming, Outgoing
from pointsman.bus.settings import LanePart

#: Decided at a time: so many records, or so many bytes of them, if that is less; one at least.
BATCH_RECORDS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
#: A lane in which so many wait is full.
BUFFERED_RECORDS = 4_000
BUFFERED_BYTES = 16 * 1024 * 1024
#: More than this are decided beside the event loop, which has other lanes to serve.
_AT_ONCE = 100


class BatchHandler(Protocol):
    """Pure: what is made of a batch. One object per lane, so it may remember what the lane has seen."""

    def warm(self, records: Sequence[Incoming]) -> None:
        """Remember records that were dealt with before this object existed."""

    def __call__(self, records: Sequence[Incoming]) -> list[Made]:
        """Everything that follows from `records`; what is bundled holds no large value."""


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
        self._waiting_bytes = 0
        self._fed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < BUFFERED_RECORDS and self._waiting_bytes < BUFFERED_BYTES

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
        new = [record for record in records if record.offset >= self._committed]
        self._waiting.extend(new)
        self._waiting_bytes += sum(map(_size, new))
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
        next_ones, size = self._next_ones()
        if next_ones:
            batch = await self._payloads.fetch(next_ones)
            made = await self._handled(batch)
            bundled = [each for each in made if isinstance(each, Bundle)]
            loose = await self._payloads.deposit([each for each in made if isinstance(each, Outgoing)])
            await self._writer.write([*bundled, *loose], batch[-1].offset + 1)
            self._committed = batch[-1].offset + 1
            self._waiting_bytes -= size if len(batch) == len(next_ones) else sum(map(_size, batch))
            for _ in batch:
                self._waiting.popleft()
            observe_hop(batch[0].topic, batch)
        if not self._waiting:
            self._fed.clear()

    def _next_ones(self) -> tuple[list[Incoming], int]:
        taken: list[Incoming] = []
        size = 0
        for record in islice(self._waiting, BATCH_RECORDS):
            more = _size(record)
            if taken and size + more > BATCH_BYTES:
                break
            taken.append(record)
            size += more
        return taken, size

    async def _handled(self, batch: Sequence[Incoming]) -> list[Made]:
        """A lane that is given up meanwhile leaves its handler at work; nobody uses that one again."""
        if len(batch) > _AT_ONCE:
            return await asyncio.to_thread(self._handler, batch)
        return self._handler(batch)


def _size(record: Incoming) -> int:
    """Bytes of its value, about."""
    return len(record.value or b"")


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
