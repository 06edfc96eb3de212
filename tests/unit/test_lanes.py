"""The host of lanes, where it can be seen without a broker."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from aiokafka import TopicPartition

from pointsman.bus.lane import Lane
from pointsman.bus.lanes import Lanes
from pointsman.bus.records import Incoming
from pointsman.bus.settings import LanePart

TOPIC = "pointsman.jobs.intake"


class Idle(Lane):
    has_room = True
    pending = 0
    oldest_ms = None

    def feed(self, records: Sequence[Incoming]) -> None: ...
    async def run(self) -> None: ...
    async def finish(self, grace_s: float) -> None: ...


async def test_a_lane_may_go_while_the_lags_are_measured() -> None:
    lanes = Lanes(LanePart(), "group", TOPIC, lambda *_: Idle(0))
    open_lanes = cast("dict[TopicPartition, Lane]", lanes.__dict__["_lanes"])
    open_lanes.update({TopicPartition(TOPIC, place): Idle(0) for place in range(3)})
    asked = []

    class Consumer:
        async def position(self, tp: TopicPartition) -> int:
            asked.append(tp)
            open_lanes.pop(TopicPartition(TOPIC, 2), None)
            return 0

        def assignment(self) -> set[TopicPartition]:
            return {TopicPartition(TOPIC, place) for place in range(3)}

        def highwater(self, tp: TopicPartition) -> int:
            return 5

    measure: Any = lanes.__getattribute__("_measure")
    await measure(Consumer())
    assert asked[0] == TopicPartition(TOPIC, 0)


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
