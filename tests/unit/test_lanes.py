"""The host of lanes, where it can be seen without a broker."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError

from pointsman.bus.fetcher import Fetcher
from pointsman.bus.lane import Lane
from pointsman.bus.lanes import Lanes
from pointsman.bus.records import Incoming
from pointsman.bus.settings import LanePart
from pointsman.runtime.metrics import LANE_LAG

TOPIC = "pointsman.jobs.intake"


class Idle(Lane):
    has_room = True
    pending = 0
    oldest_ms = None

    def feed(self, records: Sequence[Incoming]) -> None: ...
    async def run(self) -> None: ...
    async def finish(self, grace_s: float) -> None: ...


async def test_the_lag_is_what_a_lane_has_what_is_in_stock_and_what_the_broker_has_beyond() -> None:
    place = TopicPartition(TOPIC, 0)

    class Busy(Idle):
        pending = 3

    class Stocked:
        def unread(self, tp: TopicPartition) -> int:
            return 120

    lanes = Lanes(LanePart(), "group", TOPIC, lambda *_: Idle(0))
    cast("dict[TopicPartition, Lane]", lanes.__dict__["_lanes"])[place] = Busy(0)
    measure: Any = lanes.__getattribute__("_measure")
    measure(Stocked())
    assert LANE_LAG.labels(TOPIC, 0)._value.get() == 123


async def test_what_the_group_refuses_for_good_ends_the_connection() -> None:
    """The consumer keeps it to itself until somebody polls, and its partitions are read by another."""
    polls = []

    class Consumer:
        async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[object]]:
            polls.append(timeout_ms)
            if len(polls) == 3:
                raise GroupAuthorizationFailedError("group")
            return {}

    lanes = Lanes(LanePart(), "group", TOPIC, lambda *_: Idle(0))
    poll: Any = lanes.__getattribute__("_poll")
    with pytest.raises(GroupAuthorizationFailedError):
        async with asyncio.timeout(20):
            await poll(Consumer(), Fetcher(LanePart(), "group", cast("Any", None)))
    assert len(polls) == 3


async def test_a_commit_that_nobody_answers_does_not_keep_the_process_from_ending() -> None:
    ended = []

    class Stuck(Idle):
        async def finish(self, grace_s: float) -> None:
            await asyncio.Event().wait()

    class Fine(Idle):
        async def finish(self, grace_s: float) -> None:
            ended.append(grace_s)

    lanes = Lanes(LanePart(grace_s=0, request_timeout_ms=1_000), "group", TOPIC, lambda *_: Idle(0))
    open_lanes = cast("dict[TopicPartition, Lane]", lanes.__dict__["_lanes"])
    open_lanes.update({TopicPartition(TOPIC, 0): Stuck(0), TopicPartition(TOPIC, 1): Fine(0)})
    finish: Any = lanes.__getattribute__("_finish")
    async with asyncio.timeout(20):
        await finish()
    assert ended == [0]
