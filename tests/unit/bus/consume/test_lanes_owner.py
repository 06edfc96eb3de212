"""The host of lanes when others may own them: who opens a failed lane again, and which lanes go on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume import lanes as host
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.settings import LanePart

HERE = TopicPartition("t", 0)


class Life(Lane):
    """Ends by an error when told."""

    has_room = True
    pending = 0
    oldest_ms = None

    def __init__(self) -> None:
        super().__init__(0)
        self.fails = asyncio.Event()
        self.did: list[str] = []

    def feed(self, records: Sequence[Incoming]) -> None: ...
    async def finish(self, grace_s: float) -> None: ...

    async def run(self) -> None:
        await self.fails.wait()
        raise ConnectionError("fenced")

    async def hand_over(self) -> None:
        self.did.append("handed over")

    async def abandon(self) -> None:
        self.did.append("abandoned")


class Group:
    """Everything that the host sees of Kafka, and the lanes that it has opened."""

    def __init__(self) -> None:
        self.member = True
        self.asked = asyncio.Event()
        self.last = True
        self.opened: list[Life] = []
        self.before: list[Lane | None] = []
        self.told: list[tuple[object, ...]] = []
        self.ids = {HERE.topic: TopicId("cluster", UUID(int=1))}
        self.mark = None
        self.fetcher = self.consumer = self.admin = self

    async def is_member(self) -> bool:
        self.asked.set()
        return self.member

    def open_lane(self, first: int, position: Position, writer: LaneWriter, before: Lane | None) -> Lane:
        self.opened.append(Life())
        self.before.append(before)
        return self.opened[-1]

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.opened) < count:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)

    # --- a writer, and a member of the group with its clients

    async def position(self, *_: object) -> Position:
        return Position(0)

    async def is_last(self, *_: object, within: float) -> bool:
        return self.last

    async def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def know(self, topics: object) -> None: ...

    def seek(self, tp: object, offset: int, mark: object = None) -> None:
        self.told.append(("seek", tp, offset))

    def forget(self, tp: object) -> None:
        self.told.append(("forget", tp))

    async def close(self) -> None: ...


@asynccontextmanager
async def owning(group: Group, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lanes]:
    """A host that was just given a partition and has opened its lane."""

    async def open_writer(*_: object) -> LaneWriter:
        return cast("LaneWriter", group)

    monkeypatch.setattr(LaneWriter, "open", open_writer)

    async def nothing_lost(*_: object) -> None: ...

    monkeypatch.setattr(host, "put_lost_on_record", nothing_lost)
    monkeypatch.setattr(host, "_ASK_AGAIN_S", 0.001)
    lanes = Lanes(LanePart(), "group", HERE.topic, group.open_lane)
    inside: dict[str, Any] = lanes.__dict__
    inside["_member"] = group
    await lanes.assigned({HERE})
    await group.until_open(1)
    yield lanes
    for task in inside["_tasks"].values():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_who_is_no_longer_in_the_group_does_not_open_its_lane_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opening would fence whoever has it now."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.member = False
        group.opened[0].fails.set()
        async with asyncio.timeout(20):
            await group.asked.wait()
        await asyncio.sleep(0.05)  # it is asked again and again
        assert len(group.opened) == 1
        await lanes.assigned(set())
        assert group.opened[0].did == ["abandoned"]


async def test_a_lane_that_failed_is_offered_to_the_one_that_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    async with owning(group, monkeypatch):
        group.opened[0].fails.set()
        await group.until_open(2)
        assert group.before == [None, group.opened[0]]
        assert group.opened[0].did == ["abandoned"], "as it was not taken up"


@pytest.mark.parametrize(("last", "opened"), [(True, 1), (False, 2)])
async def test_a_lane_that_stays_goes_on_unless_another_had_it(
    monkeypatch: pytest.MonkeyPatch, last: bool, opened: int
) -> None:
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.last = last
        await lanes.assigned({HERE})
        await group.until_open(opened)
        assert len(group.opened) == opened


async def test_no_lane_is_opened_when_the_connection_has_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be nobody's, and keep the next connection from opening one."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:

        async def ends(*_: object, within: float) -> bool:
            lanes.__dict__["_member"] = None
            return True

        monkeypatch.setattr(group, "is_last", ends)
        await lanes.assigned({HERE, TopicPartition("t", 1)})
        assert lanes.__dict__["_tasks"].keys() == {HERE}


async def test_what_is_fetched_follows_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client itself reads nothing of them."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        opened: list[tuple[object, ...]] = [("seek", HERE, 0)]
        assert group.told == opened
        await lanes.assigned({HERE})
        stayed = [*opened, *opened]
        assert group.told == stayed
        group.opened[0].fails.set()
        await group.until_open(2)
        await asyncio.sleep(0)
        assert group.told == [*stayed, ("forget", HERE), ("seek", HERE, 0)]


async def test_a_lane_that_goes_hands_over_first(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        await lanes.assigned(set())
        assert group.opened[0].did[:2] == ["handed over", "abandoned"]
