"""The host of lanes during rebalances: who reopens a failed lane, and which lanes continue."""

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
from pointsman.bus.partition import Partition
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event

HERE = TopicPartition("t", 0)


class Life(Lane):
    """A lane that fails when told to."""

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

    async def abandon(self) -> None:
        self.did.append("abandoned")


class Group:
    """Everything that the host uses of Kafka, and the lanes that it has opened."""

    def __init__(self) -> None:
        self.is_in = True
        self.generation = 1
        self.writers: list[Writer] = []
        self.reads, self.may_read = asyncio.Event(), asyncio.Event()
        self.may_read.set()
        self.asked = asyncio.Event()
        self.last = True
        self.opened: list[Life] = []
        self.failed: list[Lane | None] = []
        self.told: list[tuple[object, ...]] = []
        self.ids = {HERE.topic: TopicId("cluster", UUID(int=1))}
        self.fetcher = self.partitions = self.consumer = self.admin = self

    async def is_member(self) -> bool:
        self.asked.set()
        return self.is_in

    def open_lane(self, first: int, position: Position, writer: LaneWriter, failed: Lane | None) -> Lane:
        self.opened.append(Life())
        self.failed.append(failed)
        return self.opened[-1]

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.opened) < count:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)

    @property
    def membership(self) -> Membership:
        return Membership("g", "m", self.generation)

    # --- a member of the group with its clients

    async def first(self, place: Partition) -> int:
        return 0

    async def set_topics(self, topics: object) -> None: ...

    def seek(self, tp: object, offset: int, mark: object = None) -> None:
        self.told.append(("seek", tp, offset))

    def forget(self, tp: object) -> None:
        self.told.append(("forget", tp))

    async def is_last(self) -> bool:
        return self.last


class Writer:
    """The writer of one lane."""

    mark = None

    def __init__(self, group: Group, membership: Membership) -> None:
        self._group = group
        self.membership = membership

    async def position(self, *_: object) -> Position:
        if not self._group.may_read.is_set():
            self._group.reads.set()
        await self._group.may_read.wait()
        return Position(0)

    def forget_partitions(self) -> None:
        """Removes all cached partition counts."""

    async def is_last(self, *_: object, within: float) -> bool:
        return await self._group.is_last()


@asynccontextmanager
async def owning(group: Group, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lanes]:
    """A host that has just been assigned a partition and has opened its lane."""

    def writer(name: str, lane: object, queue: object, membership: Membership) -> LaneWriter:
        group.writers.append(Writer(group, membership))
        return cast("LaneWriter", group.writers[-1])

    monkeypatch.setattr(host, "LaneWriter", writer)

    async def nothing_lost(*_: object) -> None: ...

    monkeypatch.setattr(host, "pass_over_lost", nothing_lost)
    monkeypatch.setattr(host, "_ASK_AGAIN_S", 0.001)
    lanes = Lanes(LanePart(), "group", [HERE.topic], group.open_lane)
    inside: dict[str, Any] = lanes.__dict__
    inside["_member"] = inside["_transactions"] = group
    await lanes.assigned({HERE})
    await group.until_open(1)
    yield lanes
    for task in inside["_tasks"].values():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_former_member_does_not_reopen_its_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would repeat the work of the new owner."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.is_in = False
        group.opened[0].fails.set()
        async with asyncio.timeout(20):
            await group.asked.wait()
        await asyncio.sleep(0.05)  # it is asked again and again
        assert len(group.opened) == 1
        await lanes.assigned(set())
        assert group.opened[0].did == ["abandoned"]


async def test_a_failed_lane_is_passed_to_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    async with owning(group, monkeypatch):
        group.opened[0].fails.set()
        await group.until_open(2)
        assert group.failed == [None, group.opened[0]]
        assert group.opened[0].did == ["abandoned"], "as it was not taken up"


async def test_an_abandoned_lane_is_not_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It dropped records that it had been given: continued from its position, they would be lost."""
    group, refused = Group(), iter([OSError("the loss cannot be recorded")])

    async def refused_once(*_: object) -> None:
        for error in refused:
            raise error

    async with owning(group, monkeypatch):
        monkeypatch.setattr(host, "pass_over_lost", refused_once)
        group.opened[0].fails.set()
        await group.until_open(3)
        assert group.failed == [None, group.opened[0], None]


async def test_a_failed_lane_is_ready_once_it_makes_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Being open is not enough, because it may fail again at once."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        assert lanes.ready
        group.opened[0].commits = 5
        group.opened[0].fails.set()
        await group.until_open(2)
        (lane,) = group.opened[1:]
        async with asyncio.timeout(20):
            while HERE not in lanes.__dict__["_lanes"]:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert lanes.ready  # nothing is left to do for it
        lane.pending = 1
        assert not lanes.ready
        lane.commits += 1
        assert lanes.ready


def test_a_lane_that_commits_nothing_is_reopened_ever_later() -> None:
    """Also if an earlier one had committed something."""
    reopening = host._Reopening()
    delays: list[float] = []
    for commits in (0, 0, 5, 0, 0, *[0] * 9):
        reopening.lane, reopening.commits = Life(), 0
        reopening.lane.commits = commits
        delays.append(reopening.next_delay_s())
    assert delays[:5] == [0.1, 0.2, 0.1, 0.2, 0.4]
    assert delays[-1] == host._REOPEN_MOST_S


def test_delays_grow_while_a_lane_that_had_committed_cannot_be_reopened() -> None:
    reopening = host._Reopening(Life())
    assert reopening.lane is not None
    reopening.lane.commits = 5
    assert [reopening.next_delay_s() for _ in range(3)] == [0.1, 0.2, 0.4]


@pytest.mark.parametrize(("last", "opened"), [(True, 1), (False, 2)])
async def test_a_kept_lane_continues_unless_another_process_had_it(
    monkeypatch: pytest.MonkeyPatch, last: bool, opened: int
) -> None:
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.last = last
        await lanes.assigned({HERE})
        await group.until_open(opened)
        assert len(group.opened) == opened


async def test_no_lane_is_opened_after_the_connection_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would have no owner, and would keep the next connection from opening one."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:

        async def ends() -> bool:
            lanes.__dict__["_member"] = None
            return True

        monkeypatch.setattr(group, "is_last", ends)
        await lanes.assigned({HERE, TopicPartition("t", 1)})
        assert lanes.__dict__["_tasks"].keys() == {HERE}


async def test_the_fetcher_reads_the_partitions_of_open_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer's own partitions stay paused."""
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


async def test_a_revoked_lane_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        await lanes.assigned(set())
        assert set(group.opened[0].did) == {"abandoned"}


async def test_a_kept_lane_writes_with_the_new_membership(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker would refuse the former one."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.generation = 2
        await lanes.assigned({HERE})
        assert [writer.membership.generation for writer in group.writers] == [2]


async def test_a_lane_added_during_the_ownership_check_has_the_old_membership(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own position was not checked for another owner."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.may_read.clear()
        await lanes.assigned({HERE, TopicPartition("t", 1)})
        async with asyncio.timeout(20):
            await group.reads.wait()
        group.generation = 2

        async def meanwhile() -> bool:
            group.may_read.set()
            await group.until_open(2)
            return True

        monkeypatch.setattr(group, "is_last", meanwhile)
        await lanes.assigned({HERE, TopicPartition("t", 1)})
        assert [writer.membership.generation for writer in group.writers] == [2, 1]


async def test_a_partition_number_has_lanes_only_if_all_topics_are_assigned(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    group, other = Group(), TopicPartition("u", 0)
    group.ids["u"] = TopicId("cluster", UUID(int=2))
    async with owning(group, monkeypatch) as lanes:
        lanes.__dict__["_topics"] = [HERE.topic, other.topic]
        await lanes.assigned({HERE})
        assert lanes.__dict__["_tasks"] == {}
        assert not lanes.ready
        assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
            Event.PARTITIONS_APART
        ]
        await lanes.assigned({HERE, other, TopicPartition("u", 1)})
        await group.until_open(3)
        assert lanes.__dict__["_tasks"].keys() == {HERE, other}


async def test_a_lane_that_opens_during_a_rebalance_has_the_old_membership(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have read its position before another owner moved it, so its write must be refused."""
    group = Group()
    async with owning(group, monkeypatch) as lanes:
        group.may_read.clear()
        group.opened[0].fails.set()
        async with asyncio.timeout(20):
            await group.reads.wait()
        group.generation = 2
        await lanes.assigned({HERE})
        group.may_read.set()
        await group.until_open(2)
        assert [writer.membership.generation for writer in group.writers] == [1, 1]
