"""A lane that must know the minutes before its first record begins early enough, however far behind."""

import time
from bisect import bisect_left
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from pointsman.bus.admin.look_back import looked_back

HERE = TopicPartition("t", 0)
SPAN = timedelta(minutes=10)
SPAN_MS = 600_000


class Consumer:
    """Of a partition whose records came at these times; it answers as a broker does."""

    def __init__(self, times: list[int]) -> None:
        self.times = times
        self.asked = 0

    async def offsets_for_times(self, wanted: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
        self.asked += 1
        offset = bisect_left(self.times, wanted[HERE])
        return {HERE: None if offset == len(self.times) else SimpleNamespace(offset=offset)}

    async def end_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {HERE: len(self.times)}

    async def beginning_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {HERE: 0}


@pytest.mark.parametrize("next_offset", [0, 1, 500, 1_440, 2_870, 2_879, 2_880])
async def test_all_that_came_within_the_span_is_behind_it(next_offset: int) -> None:
    now_ms = int(time.time() * 1000)
    times = [now_ms - 30_000 * ago for ago in range(2_880, 0, -1)]  # a day of them
    begins = await looked_back(Consumer(times), HERE, next_offset, SPAN)
    next_ms = times[next_offset] if next_offset < len(times) else now_ms
    assert begins <= next_offset
    assert all(at_ms < next_ms - SPAN_MS for at_ms in times[:begins])


async def test_a_lane_that_is_not_behind_reads_no_more_than_it_needs() -> None:
    now_ms = int(time.time() * 1000)
    times = [now_ms - 1_000 * ago for ago in range(100_000, 0, -1)]
    consumer = Consumer(times)
    assert 600 <= len(times) - await looked_back(consumer, HERE, len(times), SPAN) < 700
    assert consumer.asked == 2


async def test_what_is_older_than_can_be_asked_for_is_read_from_the_beginning() -> None:
    times = [1_000 * at for at in range(100)]
    assert await looked_back(Consumer(times), HERE, 50, SPAN) == 0
    assert await looked_back(Consumer([]), HERE, 0, SPAN) == 0
