"""The router's kind of lane: read a batch, decide, write the results and the offset in one transaction.

If the handler or a topic refuses a record, the lane restarts and takes that batch one record at a time, so
that only the bad record is given up. The handler is made anew as well, because it remembers what it has seen.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from pointsman.bus.codec.claimed import stand_in
from pointsman.bus.codec.encoded_batch import EncodedBatch, Made, unpacked
from pointsman.bus.codec.payloads import Inline, Payloads
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.batch_handler import BatchHandler
from pointsman.bus.consume.batch_queue import BATCH_RECORDS, BatchQueue, Item, count_of
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.processing_delay import Times, observe_processing_delay, times_of
from pointsman.bus.consume.suspects import Suspects
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Larger batches are handled in a thread, so that the event loop can serve other lanes.
_MOST_ON_LOOP = 100

#: Raised to stop us. Anything else is the handler's fault, a panic of the native library too, which is no
#: `Exception`.
STOPS = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)


class HandlerFailedError(Exception):
    """A handler raised, on the record at an offset or on one before it; see the cause."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"the handler failed at {topic}/{partition}@{offset}")


class BatchLane(Lane):
    """Handles records in order. Those before `committed` are only shown to the handler to remember.

    `takes_batches`: the handler is offered Kafka's batches whole, before they are decoded.
    """

    def __init__(
        self,
        position: int,
        committed: int,
        writer: LaneWriter,
        handler: BatchHandler,
        payloads: Payloads | None = None,
        *,
        failing: Failing,
        takes_batches: bool = False,
        suspects: Suspects | None = None,
    ) -> None:
        super().__init__(position)
        self.suspects = suspects or Suspects()
        self._failing = failing
        self._payloads = payloads or Inline()
        self._committed = committed
        self._writer = writer
        self._handler = handler
        self._takes_batches = takes_batches
        self._waiting = BatchQueue()

    @property
    def has_room(self) -> bool:
        return self._waiting.has_room

    @property
    def pending(self) -> int:
        return self._waiting.records

    @property
    def oldest_ms(self) -> int | None:
        return self._waiting.oldest_ms

    def offer(self, fetch_buffer: FetchBuffer) -> None:
        past = self.position < self._committed
        wants_batch = self._takes_batches and (past or self.position >= self.suspects.until)
        batch = fetch_buffer.take_batch(BATCH_RECORDS) if wants_batch else None
        if batch is None:
            super().offer(fetch_buffer)
        elif batch.next_offset <= self._committed:
            self._remember_batch(batch)
        elif batch.offset < self._committed:
            self.feed(list(batch.records()))
        else:
            self._waiting.put([batch])
            self.position = batch.next_offset

    def feed(self, records: Sequence[Incoming]) -> None:
        past = [record for record in records if record.offset < self._committed]
        if past:
            self._remember_records(past)
        self._waiting.put([record for record in records if record.offset >= self._committed])
        self.position = records[-1].offset + 1

    async def run(self) -> None:
        while True:
            await self._waiting.filled.wait()
            async with self._transaction_lock:
                await self._step()

    async def finish(self, grace_s: float) -> None:
        """Nothing is in flight between two transactions; what waits is not committed."""

    async def _step(self) -> None:
        if batches := self._waiting.first(RecordBatch):
            await self._handle_batches(batches)
        elif records := self._waiting.first(Incoming):
            await self._handle_records(records)

    async def _handle_batches(self, batches: list[RecordBatch]) -> None:
        handled = await self._call_handler(self._handler.handle_batches, batches, batches[-1].next_offset)
        if handled is None:
            self._waiting.open(batches)
        else:
            await self._write(batches, handled.made, batches[-1].next_offset, handled.times)

    async def _handle_records(self, records: list[Incoming]) -> None:
        batch = await self._payloads.fetch(records)
        if batch[0].offset < self.suspects.until:
            await self._handle_one_by_one(batch)
            return
        output = await self._call_handler(self._handler.handle_records, batch, batch[-1].offset + 1)
        await self._write(records[: len(batch)], output, batch[-1].offset + 1, times_of(batch))

    async def _write(
        self, done: Sequence[Incoming | RecordBatch], output: Sequence[Made], next_offset: int, times: Times
    ) -> None:
        """Commit the results of the first waiting records, `done`."""
        topic = done[0].topic
        if len(done) == len(self._waiting):
            next_offset = max(next_offset, self.position)  # past transaction markers, too
        encoded = [record for record in output if isinstance(record, EncodedBatch)]
        loose = await self._payloads.deposit([record for record in output if isinstance(record, Outgoing)])
        try:
            await self._writer.write([*encoded, *loose], next_offset)
        except RecordsRefusedError:
            self.suspects.suspect(next_offset)
            raise
        self._committed_up_to(done, next_offset)
        observe_processing_delay(topic, times)

    async def _call_handler(
        self, ask: Callable[[Sequence[Item]], T], items: Sequence[Item], next_offset: int
    ) -> T:
        try:
            return await self._in_thread_if_large(ask, items)
        except STOPS:
            raise
        except BaseException as error:
            self.suspects.suspect(next_offset)
            raise HandlerFailedError(items[0].topic, items[0].partition, next_offset) from error

    async def _handle_one_by_one(self, batch: Sequence[Incoming]) -> None:
        """Handle records one by one; those before the first that fails are committed, then raise."""
        answers: list[tuple[Incoming, list[Outgoing]]] = []
        failure: BaseException | None = None
        for record in batch:
            await asyncio.sleep(0)
            try:
                answers.append((record, self._answer(record)))
            except STOPS:
                raise
            except BaseException as error:
                self.suspects.failed[record.offset] += 1
                failure = error
                break
        if answers:
            await self._write_alone(answers)
        if failure is not None:
            raise HandlerFailedError(*record.origin) from failure

    def _answer(self, record: Incoming) -> list[Outgoing]:
        instead = self.suspects.answers.get(record.offset)
        if instead is not None:
            self._remember_records([record])
            return instead
        if not self.suspects.is_given_up(record.offset):
            return [*unpacked(self._handler.handle_records([record]))]
        try:
            return self._handler.fail(record)
        except Exception as error:
            failure(log, Event.HANDLER_FAILED, origin=record.origin)
            return self._failing.fail(record, error)

    async def _write_alone(self, answers: list[tuple[Incoming, list[Outgoing]]]) -> None:
        """Commit all in one transaction; records that topics refuse are replaced until it succeeds."""
        answers = [(record, await self._payloads.deposit(output)) for record, output in answers]
        next_offset = answers[-1][0].offset + 1
        while True:
            try:
                written = [record for _, output in answers for record in output]
                await self._writer.write(written, next_offset)
                break
            except RecordsRefusedError as error:
                refused = set(map(id, error.records))
                answers = [await self._replaced(*answer, refused) for answer in answers]
        records = [record for record, _ in answers]
        self._committed_up_to(records, next_offset)
        observe_processing_delay(records[0].topic, times_of(records))

    async def _replaced(
        self, record: Incoming, output: list[Outgoing], refused: set[int]
    ) -> tuple[Incoming, list[Outgoing]]:
        if refused.isdisjoint(map(id, output)):
            return record, output
        shorter = await self._failing.replace(record, output, refused, self._payloads)
        self.suspects.answers[record.offset] = shorter
        return record, shorter

    def _committed_up_to(self, done: Sequence[Incoming | RecordBatch], next_offset: int) -> None:
        """The first waiting records, `done`, are committed."""
        self._committed = next_offset
        self.commits += 1
        self.suspects.forget(next_offset)
        self._waiting.drop(done)

    def _remember_batch(self, batch: RecordBatch) -> None:
        try:
            remembered = self._handler.remember_batch(batch)
        except Exception:
            remembered = False
        if not remembered:
            self._remember_records(list(batch.records()))
        self.position = batch.next_offset

    def _remember_records(self, records: Sequence[Incoming]) -> None:
        """Have the handler remember records; one that fails does not keep it from the others."""
        try:
            self._handler.remember_records([stand_in(record) for record in records])
        except Exception:
            if len(records) > 1:
                for record in records:
                    self._remember_records([record])
            else:
                failure(log, Event.RECORD_NOT_REMEMBERED, origin=records[0].origin)

    async def _in_thread_if_large(self, handle: Callable[[Sequence[Item]], T], batch: Sequence[Item]) -> T:
        """Large batches run in a thread; if the lane is abandoned, the handler is not used again."""
        if sum(map(count_of, batch)) > _MOST_ON_LOOP:
            return await asyncio.to_thread(handle, batch)
        return handle(batch)


def batch_lanes(
    settings: LanePart,
    group: str,
    topic: str,
    make_handler: Callable[[LaneWriter], BatchHandler],
    *,
    remembered: int,
    looks_back: Callable[[], timedelta | None] = lambda: None,
    failing: Failing,
    payloads: Payloads | None = None,
    transactions: SharedTransactions | None = None,
    takes_batches: bool = False,
) -> Lanes:
    """Lanes in strict order; each first shows its handler up to `remembered` earlier records.

    `make_handler` gets the lane's writer, for the seed of derived ids. `looks_back`: see `Lanes`.
    """

    def open_lane(first: int, position: Position, writer: LaneWriter, failed: Lane | None) -> BatchLane:
        committed = position.behind(first)
        return BatchLane(
            max(first, committed - remembered),
            committed,
            writer,
            make_handler(writer),
            payloads,
            failing=failing,
            takes_batches=takes_batches,
            suspects=failed.suspects if isinstance(failed, BatchLane) else None,
        )

    return Lanes(settings, group, [topic], open_lane, looks_back, transactions=transactions)
