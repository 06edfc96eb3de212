"""A lane that needs the minutes before its first record starts reading early enough."""

import time
from bisect import bisect_left
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from pointsman.bus.admin.look_back import looked_back
from pointsman.bus.partition import Partition, Start

HERE = ("t", 0)
SPAN = timedelta(minutes=10)
SPAN_MS = 600_000


class FakePartition:
    """Of a partition whose records came at these times; it answers as a broker does."""

    def __init__(self, times: list[int]) -> None:
        self.times = times
        self.asked = 0

    async def resolve(self, places: Collection[Partition], start: Start) -> dict[Partition, int]:
        self.asked += 1
        assert isinstance(start, datetime)
        return {HERE: bisect_left(self.times, start.timestamp() * 1000)}

    async def first(self, _: Partition) -> int:
        return 0


async def begins_at(partition: FakePartition, next_offset: int) -> int:
    return await looked_back(cast("Any", partition), HERE, next_offset, SPAN)


@pytest.mark.parametrize("next_offset", [0, 1, 500, 1_440, 2_870, 2_879, 2_880])
async def test_all_records_of_the_span_are_read(next_offset: int) -> None:
    now_ms = int(time.time() * 1000)
    times = [now_ms - 30_000 * ago for ago in range(2_880, 0, -1)]  # a day of them
    begins = await begins_at(FakePartition(times), next_offset)
    next_ms = times[next_offset] if next_offset < len(times) else now_ms
    assert begins <= next_offset
    assert all(at_ms < next_ms - SPAN_MS for at_ms in times[:begins])


async def test_a_lane_that_is_not_behind_reads_no_more_than_it_needs() -> None:
    now_ms = int(time.time() * 1000)
    times = [now_ms - 1_000 * ago for ago in range(100_000, 0, -1)]
    partition = FakePartition(times)
    assert 600 <= len(times) - await begins_at(partition, len(times)) < 700
    assert partition.asked == 2


async def test_times_that_kafka_cannot_represent_start_at_the_beginning() -> None:
    times = [1_000 * at for at in range(100)]
    assert await begins_at(FakePartition(times), 50) == 0
    assert await begins_at(FakePartition([]), 0) == 0
