"""The router's kind of lane: read a batch, decide, write a batch and the position in one transaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from pointsman.bus.batch_handler import BatchHandler
from pointsman.bus.bundle import Bundle, Made
from pointsman.bus.claimed import stand_in
from pointsman.bus.hop import Times, observe_hop, times_of
from pointsman.bus.lane import Lane
from pointsman.bus.lane_writer import LaneWriter, Position
from pointsman.bus.lanes import Lanes
from pointsman.bus.payloads import Inline, Payloads
from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.records import Incoming, Outgoing
from pointsman.bus.settings import LanePart
from pointsman.bus.supply import Supply

Item = TypeVar("Item", Incoming, RecordBatch)
T = TypeVar("T")

#: Decided at a time: so many records, or so many bytes of them, if that is less; one at least.
BATCH_RECORDS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
#: A lane in which so many wait is full.
BUFFERED_RECORDS = 4_000
BUFFERED_BYTES = 16 * 1024 * 1024
#: More than this are decided beside the event loop, which has other lanes to serve.
_AT_ONCE = 100


class BatchLane(Lane):
    """Strictly in order. Records before `committed` only warm the handler's memory.

    `takes_batches`: the handler may take Kafka's batches whole, so they are not opened before it was asked.
    """

    def __init__(
        self,
        position: int,
        committed: int,
        writer: LaneWriter,
        handler: BatchHandler,
        payloads: Payloads | None = None,
        *,
        takes_batches: bool = False,
    ) -> None:
        super().__init__(position)
        self._payloads = payloads or Inline()
        self._committed = committed
        self._writer = writer
        self._handler = handler
        self._takes_batches = takes_batches
        self._waiting: deque[Incoming | RecordBatch] = deque()
        self._waiting_records = self._waiting_bytes = 0
        self._fed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return self._waiting_records < BUFFERED_RECORDS and self._waiting_bytes < BUFFERED_BYTES

    @property
    def pending(self) -> int:
        return self._waiting_records

    @property
    def oldest_ms(self) -> int | None:
        return self._waiting[0].timestamp_ms if self._waiting else None

    def offer(self, supply: Supply) -> None:
        wants_whole = self._takes_batches and self.position >= self._committed
        batch = supply.take_batch(BATCH_RECORDS) if wants_whole else None
        if batch is None:
            super().offer(supply)
        else:
            self._put([batch])
            self.position = batch.next_offset

    def feed(self, records: Sequence[Incoming]) -> None:
        past = [record for record in records if record.offset < self._committed]
        if past:
            self._handler.warm([stand_in(record) for record in past])
        self._put([record for record in records if record.offset >= self._committed])
        self.position = records[-1].offset + 1

    async def run(self) -> None:
        while True:
            await self._fed.wait()
            async with self._turn:
                await self._step()

    async def finish(self, grace_s: float) -> None:
        """Nothing is in flight between two transactions: what waits is simply not committed."""

    def _put(self, items: Sequence[Incoming | RecordBatch]) -> None:
        self._waiting.extend(items)
        self._waiting_records += sum(map(_count, items))
        self._waiting_bytes += sum(map(_size, items))
        if self._waiting:
            self._fed.set()

    async def _step(self) -> None:
        if batches := self._next_ones(RecordBatch):
            await self._take_whole(batches)
        elif records := self._next_ones(Incoming):
            await self._take(records)
        if not self._waiting:
            self._fed.clear()

    async def _take_whole(self, batches: list[RecordBatch]) -> None:
        whole = await self._beside(self._handler.whole, batches)
        if whole is None:
            self._open(batches)
        else:
            await self._write(batches, whole.made, batches[-1].next_offset, whole.times)

    async def _take(self, records: list[Incoming]) -> None:
        batch = await self._payloads.fetch(records)
        made = await self._beside(self._handler, batch)
        await self._write(records[: len(batch)], made, batch[-1].offset + 1, times_of(batch))

    async def _write(
        self, done: Sequence[Incoming | RecordBatch], made: Sequence[Made], next_offset: int, times: Times
    ) -> None:
        """Commit what was made of the first ones that wait."""
        topic = done[0].topic
        bundled = [each for each in made if isinstance(each, Bundle)]
        loose = await self._payloads.deposit([each for each in made if isinstance(each, Outgoing)])
        await self._writer.write([*bundled, *loose], next_offset)
        self._committed = next_offset
        self._drop(done)
        observe_hop(topic, times)

    def _next_ones(self, kind: type[Item]) -> list[Item]:
        """As many of the first as are of this kind and make one step."""
        taken: list[Item] = []
        records = size = 0
        for each in self._waiting:
            if not isinstance(each, kind):
                break
            records += _count(each)
            size += _size(each)
            if taken and (records > BATCH_RECORDS or size > BATCH_BYTES):
                break
            taken.append(each)
        return taken

    def _open(self, batches: Sequence[RecordBatch]) -> None:
        """Put their records in their place."""
        self._drop(batches)
        waiting, self._waiting = self._waiting, deque()
        for batch in batches:
            self._put([*batch.records()])
        self._waiting.extend(waiting)

    def _drop(self, done: Sequence[Incoming | RecordBatch]) -> None:
        for _ in done:
            self._waiting.popleft()
        self._waiting_records -= sum(map(_count, done))
        self._waiting_bytes -= sum(map(_size, done))

    async def _beside(self, handle: Callable[[Sequence[Item]], T], batch: Sequence[Item]) -> T:
        """A lane that is given up meanwhile leaves its handler at work; nobody uses that one again."""
        if sum(map(_count, batch)) > _AT_ONCE:
            return await asyncio.to_thread(handle, batch)
        return handle(batch)


def _count(item: Incoming | RecordBatch) -> int:
    return item.count if isinstance(item, RecordBatch) else 1


def _size(item: Incoming | RecordBatch) -> int:
    """Bytes that it holds, about."""
    return len(item.raw) if isinstance(item, RecordBatch) else len(item.value or b"")


def batch_lanes(
    settings: LanePart,
    group: str,
    topic: str,
    make_handler: Callable[[], BatchHandler],
    *,
    remembered: int,
    payloads: Payloads | None = None,
    takes_batches: bool = False,
) -> Lanes:
    """Lanes in strict order; each first shows its handler up to `remembered` records from before its own."""

    def open_lane(first: int, position: Position, writer: LaneWriter, _: Lane | None) -> BatchLane:
        committed = first if position.next_offset is None else max(first, position.next_offset)
        return BatchLane(
            max(first, committed - remembered),
            committed,
            writer,
            make_handler(),
            payloads,
            takes_batches=takes_batches,
        )

    return Lanes(settings, group, topic, open_lane)
