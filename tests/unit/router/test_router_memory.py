"""How many earlier jobs a router recognises: ten thousand per lane, also after a restart."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointsman import starter
from pointsman.bus.consume.batch_lane import BatchLane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.produce.lane_writer import Position
from pointsman.router import app
from pointsman.router.handlers import RouterHandler
from pointsman.router.settings import RouterSettings
from tests.support.router.router_lanes import REGISTRY, incoming
from tests.support.worker.routed_jobs import header, job_id

REMEMBERED = 10_000


def named(number: int) -> Any:
    id = str(job_id(number))
    body = b'{"job_id": "%b", "agent_id": "a", "prompt": ""}' % id.encode()  # answered, and soon
    return incoming(body, key=id.encode(), offset=number)


@pytest.fixture(scope="module")
def built() -> tuple[Lanes, RouterHandler]:
    """The router's lanes with default settings, and one of their handlers."""
    lanes: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:

        def batch_lanes(*arguments: Any, **named: Any) -> Lanes:
            lanes.extend((real(*arguments, **named), arguments[3](SimpleNamespace(seed="", partitions=1))))
            return cast(Lanes, lanes[0])

        real = app.batch_lanes  # type: ignore[attr-defined]
        patch.setattr(app, "batch_lanes", batch_lanes)
        patch.setattr(app, "RegistryInForce", lambda: REGISTRY)
        app.build(RouterSettings(native=False, policy=starter.POLICY))
    return lanes[0], lanes[1]


def test_a_repeat_is_known_among_the_last_ten_thousand(built: tuple[Lanes, RouterHandler]) -> None:
    _, handler = built
    handler.remember_records([named(number) for number in range(REMEMBERED)])
    for number in (0, REMEMBERED // 2, REMEMBERED - 1):
        (letter,) = handler.handle_records([named(number)])
        assert letter.topic.endswith("jobs.dead")
    first, ended = handler.handle_records([named(REMEMBERED)])
    assert header(first, "ce_jobid") == header(ended, "ce_jobid") == str(job_id(REMEMBERED))


@pytest.mark.parametrize(("committed", "begins"), [(25_000, 15_000), (REMEMBERED, 0), (500, 0)])
def test_a_lane_that_opens_is_shown_as_many(
    built: tuple[Lanes, RouterHandler], committed: int, begins: int
) -> None:
    lanes, _ = built
    writer: Any = SimpleNamespace(seed="")
    lane = lanes.__dict__["_open_lane"](0, Position(committed), writer, None)
    assert isinstance(lane, BatchLane)
    assert lane.position == begins
