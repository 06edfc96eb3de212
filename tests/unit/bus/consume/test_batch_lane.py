"""A batch lane takes no more records at a time than it can hold, whatever their size."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import chain
from typing import cast

import pytest

from pointsman.bus.codec.encoded_batch import EncodedBatch, Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.batch_handler import BatchesHandled
from pointsman.bus.consume.batch_lane import BatchLane
from pointsman.bus.consume.batch_queue import BATCH_BYTES, BATCH_RECORDS, BUFFERED_BYTES
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.runtime.metrics import HOP_SECONDS
from tests.support.bus.failing import FAILING
from tests.support.bus.record_log import Log, read

THIRD = BATCH_BYTES // 3


class Recorder:
    """Handler and writer: records the batches, their threads, and the position."""

    def __init__(self) -> None:
        self.records_handled: list[list[int]] = []
        self.batches_handled: list[list[tuple[int, int]]] = []
        self.refuses = False
        self.remembered: list[int] = []
        self.remembers_batches = False
        self.remembered_batches: list[int] = []
        self.threads: list[threading.Thread] = []
        self.written: list[int] = []
        self.sent: list[Made] = []
        self.moved = asyncio.Event()

    def remember_records(self, records: Sequence[Incoming]) -> None:
        self.remembered += [record.offset for record in records]

    def remember_batch(self, batch: RecordBatch) -> bool:
        self.remembered_batches += [batch.offset] if self.remembers_batches else []
        return self.remembers_batches

    def handle_batches(self, batches: Sequence[RecordBatch]) -> BatchesHandled | None:
        if self.refuses:
            return None
        self.batches_handled.append([(batch.offset, batch.count) for batch in batches])
        self.threads.append(threading.current_thread())
        made: list[Made] = [Outgoing("t", None, b"loose", [])]
        made += [EncodedBatch("t", 0, batch.count, b"") for batch in batches]
        return BatchesHandled(made, {1_000: sum(batch.count for batch in batches)})

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        self.records_handled.append([record.offset for record in records])
        self.threads.append(threading.current_thread())
        return [Outgoing("t", None, b"", []) for _ in records]

    def fail(self, record: Incoming) -> list[Outgoing]:
        raise AssertionError("nothing fails")

    async def write(self, records: Sequence[Made], next_offset: int, *, alone: bool = False) -> None:
        self.written.append(next_offset)
        self.sent += records
        self.moved.set()


async def until(lane: BatchLane, recorder: Recorder, next_offset: int) -> None:
    """Runs the lane up to this position."""
    running = asyncio.create_task(lane.run())
    async with asyncio.timeout(30):
        while recorder.written[-1:] != [next_offset]:
            await recorder.moved.wait()
            recorder.moved.clear()
    running.cancel()
    await asyncio.wait([running])


def records(sizes: Sequence[int], first: int = 0) -> list[Incoming]:
    return [Incoming("i", 0, first + at, 0, None, b"x" * size, ()) for at, size in enumerate(sizes)]


@pytest.fixture
async def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def lane(recorder: Recorder) -> BatchLane:
    return BatchLane(0, 0, cast(LaneWriter, recorder), recorder, failing=FAILING)


async def test_a_batch_is_bounded_in_records(lane: BatchLane, recorder: Recorder) -> None:
    lane.feed(records([1] * (2 * BATCH_RECORDS + 1)))
    await until(lane, recorder, 2 * BATCH_RECORDS + 1)
    assert [len(batch) for batch in recorder.records_handled] == [BATCH_RECORDS, BATCH_RECORDS, 1]
    assert [*chain.from_iterable(recorder.records_handled)] == list(range(2 * BATCH_RECORDS + 1))


async def test_a_batch_is_bounded_in_bytes_but_holds_one_record_at_least(
    lane: BatchLane, recorder: Recorder
) -> None:
    lane.feed(records([THIRD, THIRD, THIRD, THIRD, 2 * BATCH_BYTES, 1, THIRD]))
    await until(lane, recorder, 7)
    assert recorder.records_handled == [[0, 1, 2], [3], [4], [5, 6]]
    assert recorder.written == [3, 4, 5, 7]


async def test_a_lane_is_full_by_bytes_too(lane: BatchLane, recorder: Recorder) -> None:
    lane.feed(records([BUFFERED_BYTES // 4] * 3))
    assert lane.has_room
    lane.feed(records([BUFFERED_BYTES // 4], first=3))
    assert not lane.has_room
    await until(lane, recorder, 4)
    assert lane.has_room
    lane.feed(records([BUFFERED_BYTES // 4] * 3, first=4))
    assert lane.has_room  # what is gone no longer counts


async def test_large_batches_are_decided_outside_the_event_loop(lane: BatchLane, recorder: Recorder) -> None:
    here = threading.current_thread()
    lane.feed(records([1] * 5))
    await until(lane, recorder, 5)
    lane.feed(records([1] * 500, first=5))
    await until(lane, recorder, 505)
    assert [thread is here for thread in recorder.threads] == [True, False]


def stocked(log: Log, start: int = 0) -> FetchBuffer:
    fetch_buffer = FetchBuffer()
    fetch_buffer.put(read(log, start))
    return fetch_buffer


def offer_all(lane: BatchLane, fetch_buffer: FetchBuffer) -> None:
    while fetch_buffer:
        lane.offer(fetch_buffer)


@pytest.fixture
async def whole_lane(recorder: Recorder) -> BatchLane:
    return BatchLane(0, 0, cast(LaneWriter, recorder), recorder, failing=FAILING, takes_batches=True)


async def test_whole_batches_are_handed_over_up_to_one_step(
    whole_lane: BatchLane, recorder: Recorder
) -> None:
    log = Log()
    for count in (BATCH_RECORDS - 1, 1, 1, BATCH_RECORDS, 1):
        log.add([b"x"] * count)
    offer_all(whole_lane, stocked(log))
    assert whole_lane.pending == log.end
    assert not whole_lane.has_room
    await until(whole_lane, recorder, log.end)
    starts = [BATCH_RECORDS - 1, BATCH_RECORDS, BATCH_RECORDS + 1, 2 * BATCH_RECORDS + 1]
    assert recorder.batches_handled == [
        [(0, BATCH_RECORDS - 1), (starts[0], 1)],
        [(starts[1], 1)],
        [(starts[2], BATCH_RECORDS)],
        [(starts[3], 1)],
    ]
    assert recorder.written == [starts[1], starts[2], starts[3], log.end]
    assert recorder.records_handled == []
    assert sum(record.count for record in recorder.sent if isinstance(record, EncodedBatch)) == log.end
    assert sum(isinstance(record, Outgoing) for record in recorder.sent) == len(recorder.batches_handled)
    assert (whole_lane.pending, whole_lane.oldest_ms, whole_lane.has_room) == (0, None, True)


async def test_a_large_batch_is_opened_and_taken_in_steps(whole_lane: BatchLane, recorder: Recorder) -> None:
    log = Log()
    log.add([b"x"] * (BATCH_RECORDS + 1))
    log.add([b"x"])
    offer_all(whole_lane, stocked(log))
    await until(whole_lane, recorder, log.end)
    assert [len(batch) for batch in recorder.records_handled] == [BATCH_RECORDS, 1]
    assert recorder.batches_handled == [[(BATCH_RECORDS + 1, 1)]]


async def test_batches_that_the_handler_declines_are_passed_record_by_record(
    whole_lane: BatchLane, recorder: Recorder
) -> None:
    recorder.refuses = True
    log = Log()
    log.add([b"a", b"b"])
    log.add([b"c"], gaps=4)
    log.add([b"d"] * BATCH_RECORDS)
    offer_all(whole_lane, stocked(log))
    await until(whole_lane, recorder, log.end)
    assert [*chain.from_iterable(recorder.records_handled)] == list(range(log.end))
    assert (whole_lane.pending, whole_lane.has_room) == (0, True)
    assert whole_lane._waiting.bytes == 0


async def test_offsets_may_have_gaps(whole_lane: BatchLane, recorder: Recorder) -> None:
    log = Log()
    log.add([b"a", b"b"], gaps=3)
    log.add([b"c", b"d"], gaps=1)
    offer_all(whole_lane, stocked(log))
    assert whole_lane.position == log.end == 8
    await until(whole_lane, recorder, 8)
    assert recorder.batches_handled == [[(0, 2), (5, 2)]]


async def test_records_before_the_position_are_only_remembered(recorder: Recorder) -> None:
    lane = BatchLane(0, 3, cast(LaneWriter, recorder), recorder, failing=FAILING, takes_batches=True)
    log = Log()
    for _ in range(2):
        log.add([b"a", b"b"])
    log.add([b"c"])
    offer_all(lane, stocked(log))
    await until(lane, recorder, 5)
    assert recorder.remembered == [0, 1, 2]
    assert recorder.records_handled == [[3]]
    assert recorder.batches_handled == [[(4, 1)]]


async def test_handlers_may_remember_whole_batches(recorder: Recorder) -> None:
    recorder.remembers_batches = True
    lane = BatchLane(0, 5, cast(LaneWriter, recorder), recorder, failing=FAILING, takes_batches=True)
    log = Log()
    for _ in range(3):
        log.add([b"a", b"b"])
    log.add([b"c"])
    offer_all(lane, stocked(log))
    await until(lane, recorder, 7)
    assert (recorder.remembered_batches, recorder.remembered) == ([0, 2], [4])
    assert (recorder.records_handled, recorder.batches_handled) == ([[5]], [[(6, 1)]])


async def test_handlers_without_batch_support_get_single_records(lane: BatchLane, recorder: Recorder) -> None:
    log = Log()
    log.add([b"a", b"b"])
    offer_all(lane, stocked(log))
    await until(lane, recorder, 2)
    assert (recorder.records_handled, recorder.batches_handled) == ([[0, 1]], [])


async def test_a_lane_is_full_of_batches_by_their_bytes(whole_lane: BatchLane) -> None:
    log = Log()
    for _ in range(4):
        log.add([b"x" * (BUFFERED_BYTES // 4)])
    fetch_buffer = stocked(log)
    for _ in range(3):
        whole_lane.offer(fetch_buffer)
        assert whole_lane.has_room
    whole_lane.offer(fetch_buffer)
    assert not whole_lane.has_room


@pytest.mark.parametrize("count", [1, 200])
async def test_large_steps_run_outside_the_event_loop(
    whole_lane: BatchLane, recorder: Recorder, count: int
) -> None:
    log = Log()
    log.add([b"x"] * count)
    offer_all(whole_lane, stocked(log))
    await until(whole_lane, recorder, count)
    assert (recorder.threads == [threading.main_thread()]) == (count == 1)


async def test_the_hop_of_each_record_is_counted(whole_lane: BatchLane, recorder: Recorder) -> None:
    before = observed()
    log = Log()
    log.add([b"x"] * 5)
    log.add([b"x"] * (BATCH_RECORDS + 2))
    offer_all(whole_lane, stocked(log))
    await until(whole_lane, recorder, log.end)
    assert observed() - before == log.end


def observed() -> float:
    """The number of records whose hop was measured."""
    return sum(
        sample.value
        for family in HOP_SECONDS.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    )


@pytest.mark.parametrize("whole", [False, True])
async def test_the_position_does_not_advance_if_a_write_fails(recorder: Recorder, whole: bool) -> None:
    class Fenced(Recorder):
        async def write(self, records: Sequence[Made], next_offset: int, *, alone: bool = False) -> None:
            raise ConnectionError("fenced")

    writer = cast(LaneWriter, Fenced())
    lane = BatchLane(0, 0, writer, recorder, failing=FAILING, takes_batches=whole)
    log = Log()
    log.add([b"a", b"b"])
    offer_all(lane, stocked(log))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(lane.run(), 30)
    assert (lane.pending, lane.commits, lane.oldest_ms is not None) == (2, 0, True)
    assert lane.suspects.until == 0  # nothing is wrong with the records
