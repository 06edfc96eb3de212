"""The watchdog reports a lane without progress only if it has work left."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from pointsman.bus.consume import watchdog as module
from pointsman.bus.consume.watchdog import StalledError, Watchdog
from pointsman.bus.partition import Partition

HERE = TopicPartition("t", 0)
LIMIT_S = 10.0


class Fetched(dict[TopicPartition, int]):
    """The next offset of each partition that is fetched."""

    def __init__(self, offsets: Mapping[TopicPartition, int], partitions: object) -> None:
        super().__init__(offsets)
        self.partitions = partitions

    def next_offset(self, tp: TopicPartition) -> int:
        return self[tp]


async def stands_still(
    monkeypatch: pytest.MonkeyPatch, at: int, read_to: int | None, clock: Sequence[float] = range(21)
) -> None:
    """No progress for longer than permitted, on a partition that ends at 9."""

    async def offsets(times: Mapping[Partition, int]) -> dict[Partition, int]:
        return dict.fromkeys(times, 9)

    fetcher = Fetched({} if read_to is None else {HERE: read_to}, SimpleNamespace(offsets=offsets))
    times = iter(clock)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(times)))
    watchdog = Watchdog(cast("Any", fetcher), LIMIT_S)
    for _ in clock[1:]:
        await watchdog.look({HERE: at})


async def test_a_lane_without_progress_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StalledError, match="t-0 stands at 7, its end is 9"):
        await stands_still(monkeypatch, at=7, read_to=8)


@pytest.mark.parametrize(
    ("at", "read_to"),
    [
        pytest.param(9, 9, id="at its end"),
        pytest.param(7, 9, id="only markers are left"),
        pytest.param(7, None, id="the lane failed while the broker was asked"),
    ],
)
async def test_an_idle_lane_is_not_an_error(
    monkeypatch: pytest.MonkeyPatch, at: int, read_to: int | None
) -> None:
    await stands_still(monkeypatch, at, read_to)


async def test_time_during_which_the_process_was_frozen_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await stands_still(monkeypatch, at=7, read_to=8, clock=[0, 1, 2, 30, 31, 60, 61, 90])
