"""The router's kind of lane takes no more at a time than it can hold, whatever the size of its records."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import chain
from typing import cast

import pytest

from pointsman.bus.batch_lane import BATCH_BYTES, BATCH_RECORDS, BUFFERED_BYTES, BatchLane
from pointsman.bus.bundle import Made
from pointsman.bus.lane_writer import LaneWriter
from pointsman.bus.records import Incoming, Outgoing

THIRD = BATCH_BYTES // 3


class Recorder:
    """Handler and writer: what came in at a time, in which thread, and how far it got."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[threading.Thread] = []
        self.written: list[int] = []
        self.moved = asyncio.Event()

    def warm(self, records: Sequence[Incoming]) -> None:
        raise AssertionError("nothing was dealt with before")

    def __call__(self, records: Sequence[Incoming]) -> list[Made]:
        self.batches.append([record.offset for record in records])
        self.threads.append(threading.current_thread())
        return [Outgoing("t", None, b"", []) for _ in records]

    async def write(self, records: Sequence[Made], next_offset: int) -> None:
        self.written.append(next_offset)
        self.moved.set()


async def until(lane: BatchLane, recorder: Recorder, next_offset: int) -> None:
    """Run the lane until it got so far."""
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
    return BatchLane(0, 0, cast(LaneWriter, recorder), recorder)


async def test_a_batch_is_bounded_in_records(lane: BatchLane, recorder: Recorder) -> None:
    lane.feed(records([1] * (2 * BATCH_RECORDS + 1)))
    await until(lane, recorder, 2 * BATCH_RECORDS + 1)
    assert [len(batch) for batch in recorder.batches] == [BATCH_RECORDS, BATCH_RECORDS, 1]
    assert [*chain.from_iterable(recorder.batches)] == list(range(2 * BATCH_RECORDS + 1))


async def test_a_batch_is_bounded_in_bytes_but_holds_one_record_at_least(
    lane: BatchLane, recorder: Recorder
) -> None:
    lane.feed(records([THIRD, THIRD, THIRD, THIRD, 2 * BATCH_BYTES, 1, THIRD]))
    await until(lane, recorder, 7)
    assert recorder.batches == [[0, 1, 2], [3], [4], [5, 6]]
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


async def test_many_are_decided_beside_the_event_loop_and_few_in_it(
    lane: BatchLane, recorder: Recorder
) -> None:
    here = threading.current_thread()
    lane.feed(records([1] * 5))
    await until(lane, recorder, 5)
    lane.feed(records([1] * 500, first=5))
    await until(lane, recorder, 505)
    assert [thread is here for thread in recorder.threads] == [True, False]
