"""Where a lane continues: an unknown position is never taken for the beginning."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError

from pointsman.bus.produce.bitmap import encode_metadata
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.protocol.transaction_requests import Membership

LOADING, FORBIDDEN, UNSTABLE = 14, 30, 88
LANE = TopicPartition("t.jobs.intake", 2)


class Admin:
    """Returns these `(error code, committed offset)` in turn."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        self._answers = list(answers)
        self.metadata = ""

    async def find_coordinator(self, group: str) -> int:
        return 1

    async def _send_request(self, request: object, node: int) -> Any:
        code, offset = self._answers.pop(0)
        return code, {tuple(LANE): (0, offset, self.metadata)}


class Queue:
    """Without writes in progress; each topic has one partition."""

    def __init__(self) -> None:
        self.transactions = self

    async def wait_for_writes_of(self, lane: object) -> None: ...

    async def partitions(self, topic: str) -> int:
        return 1


def writer() -> LaneWriter:
    queue: Any = Queue()
    return LaneWriter("t.router", LANE, queue, Membership("t.router", "m", 1))


async def position(*answers: tuple[int, int]) -> Position:
    admin: Any = Admin(*answers)
    return await writer().position(admin)


async def test_a_coordinator_that_is_loading_is_asked_again() -> None:
    assert await position((LOADING, -1), (LOADING, -1), (0, 7)) == Position(7)


async def test_a_transaction_that_has_not_ended_is_waited_for() -> None:
    assert await position((UNSTABLE, -1), (0, 7)) == Position(7)


async def test_a_group_that_never_committed_begins_at_the_beginning() -> None:
    assert await position((0, -1)) == Position(None)


async def test_a_refusal_ends_the_lane_instead_of_moving_it() -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await position((FORBIDDEN, -1))


async def test_what_is_finished_beyond_the_committed_offset_is_part_of_the_position() -> None:
    admin: Any = Admin((0, 7))
    admin.metadata = encode_metadata(7, {9, 12})
    assert await writer().position(admin) == Position(7, frozenset({9, 12}))
