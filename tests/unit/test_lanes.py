"""The host of lanes, where it can be seen without a broker."""

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
