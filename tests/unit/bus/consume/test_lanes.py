"""The host of lanes, as far as it can be tested without a broker."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume import lanes as host
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.settings import LanePart
from pointsman.runtime.metrics import LANE_LAG
from tests.support.bus.group_member import member_of
from tests.support.bus.record_log import Log, read

TOPIC = "pointsman.jobs.intake"


class Idle(Lane):
    has_room = True
    pending = 0
    oldest_ms = None

    def feed(self, records: Sequence[Incoming]) -> None: ...
    async def run(self) -> None: ...
    async def finish(self, grace_s: float) -> None: ...


async def test_lag_includes_the_lane_the_buffer_and_the_broker() -> None:
    place = TopicPartition(TOPIC, 0)

    class Busy(Idle):
        pending = 3

    class Stocked:
        def unread(self, tp: TopicPartition) -> int:
            return 120

    lanes = Lanes(LanePart(), "group", [TOPIC], lambda *_: Idle(0))
    cast("dict[TopicPartition, Lane]", lanes.__dict__["_lanes"])[place] = Busy(0)
    measure: Any = lanes.__getattribute__("_measure")
    measure(Stocked())
    assert LANE_LAG.labels(TOPIC, 0)._value.get() == 123


class Counting(Idle):
    """Has room for `room` records, and takes one at a time."""

    def __init__(self, room: int) -> None:
        super().__init__(0)
        self.room = room
        self.took: list[int] = []

    @property
    def has_room(self) -> bool:  # type: ignore[override]
        return len(self.took) < self.room

    def offer(self, fetch_buffer: FetchBuffer) -> None:
        self.took += [record.offset for record in fetch_buffer.take(1)]


class Stocks:
    """Consumer and fetcher with three records per partition. It stops the lanes at the third request."""

    def __init__(self, lanes: Lanes, rooms: Sequence[int]) -> None:
        self.lanes = lanes
        self.asked: list[list[int]] = []
        self.waits: set[float] = set()
        self.buffers = [FetchBuffer() for _ in rooms]
        log = Log()
        log.add([b"a", b"b", b"c"])
        for buffer in self.buffers:
            buffer.put(read(log))
        inside: dict[str, Any] = lanes.__dict__
        for place, room in enumerate(rooms):
            inside["_lanes"][TopicPartition(TOPIC, place)] = Counting(room)
            inside["_tasks"][TopicPartition(TOPIC, place)] = None

    async def gather(self, wanted: Sequence[TopicPartition], within_s: float) -> None:
        self.asked.append([tp.partition for tp in wanted])
        self.waits.add(within_s)
        await asyncio.sleep(0)
        if len(self.asked) == 3:
            self.lanes.stop()

    def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
        return self.buffers[tp.partition]

    def next_offset(self, tp: TopicPartition) -> int:
        return 0

    def halted(self, tp: TopicPartition) -> None: ...
    def unread(self, tp: TopicPartition) -> int:
        return 0


async def poll(lanes: Lanes, stocks: Any, *, settled: bool = True) -> None:
    member = member_of(stocks)
    if settled:
        member.settled.set()
    await lanes._poll(member)


async def polled(*rooms: int) -> tuple[Stocks, list[Counting]]:
    lanes = Lanes(LanePart(), "group", [TOPIC], lambda *_: Idle(0))
    stocks: Any = Stocks(lanes, rooms)
    async with asyncio.timeout(20):
        await poll(lanes, stocks)
    return stocks, list(lanes.__dict__["_lanes"].values())


async def test_each_lane_is_the_first_in_turn_and_gets_all_it_has_room_for() -> None:
    stocks, lanes = await polled(9, 9, 9)
    assert stocks.asked == [[1, 2, 0], [2, 0, 1], [0, 1, 2]]
    assert [lane.took for lane in lanes] == [[0, 1, 2]] * 3
    assert stocks.waits == {host._POLL_S}


async def test_full_lanes_are_skipped_and_others_polled_sooner() -> None:
    stocks, lanes = await polled(0, 9, 2)
    assert [0 in asked for asked in stocks.asked] == [False] * 3
    assert stocks.asked[1:] == [[1], [1]]
    assert [lane.took for lane in lanes] == [[], [0, 1, 2], [0, 1]]
    assert stocks.waits == {host._FULL_POLL_S}


async def test_no_records_are_delivered_during_a_rebalance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_POLL_S", 0.01)
    lanes = Lanes(LanePart(), "group", [TOPIC], lambda *_: Idle(0))
    stocks: Any = Stocks(lanes, [9])
    polling = asyncio.create_task(poll(lanes, stocks, settled=False))
    await asyncio.sleep(0.05)
    assert stocks.asked == []
    lanes.stop()
    await asyncio.wait_for(polling, 20)


async def test_an_unanswered_commit_does_not_block_shutdown() -> None:
    ended = []

    class Stuck(Idle):
        async def finish(self, grace_s: float) -> None:
            await asyncio.Event().wait()

    class Fine(Idle):
        async def finish(self, grace_s: float) -> None:
            ended.append(grace_s)

    lanes = Lanes(LanePart(grace_s=0, request_timeout_ms=1_000), "group", [TOPIC], lambda *_: Idle(0))
    open_lanes = cast("dict[TopicPartition, Lane]", lanes.__dict__["_lanes"])
    open_lanes.update({TopicPartition(TOPIC, 0): Stuck(0), TopicPartition(TOPIC, 1): Fine(0)})
    finish: Any = lanes.__getattribute__("_finish")
    async with asyncio.timeout(20):
        await finish()
    assert ended == [0]
