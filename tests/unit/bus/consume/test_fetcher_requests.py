"""The fetcher's requests: what, to which broker and when. Brokers answer when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NotLeaderForPartitionError, OffsetOutOfRangeError, RequestTimedOutError

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.consume import fetcher as module
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.partition import Partition
from pointsman.bus.protocol.fetch_requests import FetchedPartition
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from tests.support.bus.record_log import Log

HERE, THERE = TopicPartition("t", 0), TopicPartition("t", 1)
FOREVER_S, SOON_S = 3600.0, 0.05


class Brokers:
    """A client of two brokers that lead one partition each; `asked`: broker and arguments of each `fetch`."""

    def __init__(self) -> None:
        self.cluster = self
        self.asked: list[tuple[int, dict[str, Any]]] = []
        self.answers: dict[int, asyncio.Queue[Any]] = {0: asyncio.Queue(), 1: asyncio.Queue()}
        self.leaderless: set[TopicPartition] = set()
        self.refreshed = 0
        self.given_up = 0

    def leader_for_partition(self, tp: TopicPartition) -> int:
        return -1 if tp in self.leaderless else tp.partition

    def force_metadata_update(self) -> None:
        self.refreshed += 1

    async def send(self, leader: int, request: dict[str, Any], *, group: object) -> Any:
        self.asked.append((leader, request))
        try:
            return await self.answers[leader].get()
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    def answer(self, tp: TopicPartition, code: int = 0, records: bytes = b"", of_all: int = 0) -> None:
        self.answers[tp.partition].put_nowait((of_all, {tuple(tp): FetchedPartition(code, 9, (), records)}))

    async def close(self) -> None: ...


@pytest.fixture
async def brokers() -> Brokers:
    return Brokers()


@pytest.fixture
async def fetcher(brokers: Brokers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fetcher]:
    async def first(_: Partition) -> int:
        return 0

    monkeypatch.setattr(module, "fetch", lambda starts, ids, **asked: asked)
    monkeypatch.setattr(module, "_PAUSE_S", 0.001)
    made = Fetcher(LanePart(), "fetcher", gather_bytes=7, request_timeout_ms=20_000)
    made.__dict__["client"] = brokers
    monkeypatch.setattr(made.partitions, "first", first)
    made.ids["t"] = TopicId("cluster", UUID(int=1))
    made.seek(HERE, 0)
    made.seek(THERE, 0)
    async with asyncio.timeout(20):
        yield made
    await made.close()


async def test_a_request_without_a_response_is_repeated(
    brokers: Brokers, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def lost(leader: int, request: object, *, group: object) -> object:
        asked.append(leader)
        raise RequestTimedOutError

    monkeypatch.setattr(brokers, "send", lost)
    for _ in range(2):
        await fetcher.gather([HERE], FOREVER_S)
    assert asked == [0, 0]


def some() -> bytes:
    log = Log()
    log.add([b"a"])
    return log.data


async def test_one_request_is_in_flight_to_each_broker(brokers: Brokers, fetcher: Fetcher) -> None:
    for _ in range(3):
        await fetcher.gather([HERE], SOON_S)
    assert [leader for leader, _ in brokers.asked] == [0]


async def test_requests_time_out_after_the_maximum_wait(brokers: Brokers, fetcher: Fetcher) -> None:
    await fetcher.gather([HERE], SOON_S)
    brokers.answer(THERE, records=some())
    await fetcher.gather([THERE], FOREVER_S)
    assert [(asked["wait_ms"], asked["least_bytes"]) for _, asked in brokers.asked] == [(45, 7), (2_000, 7)]


async def test_the_answer_of_one_broker_is_enough(brokers: Brokers, fetcher: Fetcher) -> None:
    brokers.answer(THERE, records=some())
    await fetcher.gather([HERE, THERE], FOREVER_S)
    assert (bool(fetcher.fetch_buffer(HERE)), bool(fetcher.fetch_buffer(THERE))) == (False, True)


@pytest.mark.parametrize("wanted", [[HERE], [HERE, THERE]])
async def test_with_buffered_records_there_is_no_wait(
    brokers: Brokers, fetcher: Fetcher, wanted: list[TopicPartition]
) -> None:
    brokers.answer(HERE, records=some())
    await fetcher.gather([HERE], FOREVER_S)
    assert fetcher.fetch_buffer(HERE)
    await fetcher.gather(wanted, FOREVER_S)


@pytest.mark.parametrize("of_all", [True, False])
async def test_after_a_refusal_the_new_leader_is_asked(
    brokers: Brokers, fetcher: Fetcher, of_all: bool
) -> None:
    code = NotLeaderForPartitionError.errno
    brokers.answer(HERE, code=0 if of_all else code, of_all=code if of_all else 0, records=some())
    await fetcher.gather([HERE], FOREVER_S)
    assert (bool(fetcher.fetch_buffer(HERE)), brokers.refreshed) == (False, 1)
    brokers.answer(HERE, records=some())
    await fetcher.gather([HERE], FOREVER_S)
    assert fetcher.fetch_buffer(HERE)


async def test_lost_records_of_one_partition_do_not_affect_others(
    brokers: Brokers, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    fetcher.seek(HERE, 5)
    lost, intact = (
        FetchedPartition(OffsetOutOfRangeError.errno, -1, (), b""),
        FetchedPartition(0, 1, (), some()),
    )
    brokers.leader_for_partition = lambda _: 0  # type: ignore[method-assign, assignment]
    brokers.answers[0].put_nowait((0, {tuple(HERE): lost, tuple(THERE): intact}))
    await fetcher.gather([HERE, THERE], FOREVER_S)
    assert (fetcher.next_offset(HERE), fetcher.next_offset(THERE)) == (5, 1)
    assert [record.getMessage() for record in caplog.records] == [Event.OFFSET_MISSING]


async def test_requests_in_flight_are_cancelled_on_close(brokers: Brokers, fetcher: Fetcher) -> None:
    await fetcher.gather([HERE, THERE], SOON_S)
    await fetcher.close()
    assert brokers.given_up == 2


async def test_missing_leaders_are_looked_up_regularly(
    brokers: Brokers, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often other partitions are fetched meanwhile."""
    brokers.leaderless = {HERE}
    monkeypatch.setattr(module, "_PAUSE_S", FOREVER_S)
    for _ in range(3):
        brokers.answer(THERE)
        await fetcher.gather([HERE, THERE], FOREVER_S)
    assert (brokers.refreshed, [leader for leader, _ in brokers.asked]) == (1, [1, 1, 1])
    fetcher._next_leaders_at = 0
    await fetcher.gather([HERE], 0)
    assert brokers.refreshed == 2
