"""The audit's reader, when a rebalance happens while it looks up its position."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.admin.topic_seed import TopicMark
from pointsman.bus.consume import reader as reader_module
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.consume.reader import Reader
from pointsman.bus.partition import Partition
from pointsman.bus.settings import LanePart
from tests.support.bus.group_member import member_of
from tests.support.bus.record_log import Log, read

OLD, NEW, EMPTY = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("empty", 0)


class Positions:
    """A store with 7 records of each partition of `t`."""

    async def positions(self, places: Sequence[Partition], ids: object) -> Mapping[Partition, int]:
        return {place: 7 for place in places if place[0] == "t"}

    async def append(self, batches: object, expected: object, ends: object, *, bare: bool = False) -> None:
        raise AssertionError

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        raise AssertionError


async def _nothing() -> None: ...


class Client:
    """Consumer and fetcher: records seeks. `meanwhile` runs once, during a lookup of offsets."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]] = _nothing) -> None:
        self.sought: dict[TopicPartition, int] = {}
        self.known: set[str] = set()
        self.committed: dict[TopicPartition, int] = {}
        self._meanwhile = meanwhile
        self.broker_is_there = True
        self.partitions = self

    async def offsets(self, times: Mapping[Partition, int]) -> dict[Partition, int]:
        await asyncio.sleep(0)
        happens, self._meanwhile = self._meanwhile, _nothing
        await happens()
        return dict.fromkeys(times, 2)

    def seek(self, tp: TopicPartition, offset: int, mark: TopicMark) -> None:
        self.sought[tp] = offset

    @property
    def ids(self) -> dict[str, TopicId]:
        return {topic: TopicId("cluster", UUID(int=1)) for topic in self.known}

    def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
        return FetchBuffer()

    def next_offset(self, tp: TopicPartition) -> int:
        return 0

    def forget_others(self, tps: Iterable[TopicPartition]) -> None:
        kept = set(tps)
        self.sought = {tp: offset for tp, offset in self.sought.items() if tp in kept}

    async def set_topics(self, topics: Iterable[str]) -> None:
        self.known = set(topics)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if not offsets:
            raise ValueError  # as the client does
        if not self.broker_is_there:
            await asyncio.Event().wait()  # as the client does, for as long as there is none
        self.committed |= offsets

    def unread(self, tp: TopicPartition) -> int:
        return 0


async def reader_of(owned: set[TopicPartition]) -> Reader:
    reader = Reader(LanePart(kafka="none:1"), "g", ".*", Positions(), {})
    await reader.assigned(owned)
    return reader


async def located(reader: Reader, client: Client) -> None:
    await asyncio.wait_for(reader._look_up_positions(member_of(client)), 10)


@pytest.mark.parametrize("kept", [{EMPTY}, set()])
async def test_partitions_assigned_meanwhile_are_looked_up_too(kept: set[TopicPartition]) -> None:
    reader = await reader_of({OLD, EMPTY})
    client = Client(lambda: reader.assigned({NEW, *kept}))
    await located(reader, client)
    assert client.sought == {NEW: 7, **dict.fromkeys(kept, 2)}
    assert client.known == {"t", *(tp.topic for tp in kept)}
    assert reader._positions.next == {("t", 1): 7, **{tuple(tp): None for tp in kept}}
    assert reader.ready


async def test_buffered_records_of_revoked_partitions_are_discarded() -> None:
    reader, client = await reader_of({OLD, EMPTY}), Client()
    await located(reader, client)
    assert client.sought == {OLD: 7, EMPTY: 2}
    await reader.assigned({NEW})
    await located(reader, client)
    assert client.sought == {NEW: 7}


async def test_stored_positions_are_committed_for_lag_monitoring() -> None:
    """Records stored during the rebalance were not committed, and would look unread until the next record."""
    client = Client()
    await located(await reader_of({OLD, EMPTY}), client)
    assert client.committed == {OLD: 7}


async def test_each_partition_is_the_first_in_turn_and_no_more_is_taken_than_is_stored_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "_POLL_RECORDS", 4)
    log = Log()
    log.add([b"a"])
    log.add([b"b", b"c"])
    buffers = [FetchBuffer(), FetchBuffer()]
    for buffer in buffers:
        buffer.put(read(log))
    asked: list[list[int]] = []

    class Stocks:
        async def gather(self, tps: Sequence[TopicPartition], within_s: float) -> None:
            asked.append([tp.partition for tp in tps])

        def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
            return buffers[tp.partition]

    reader, member = await reader_of(set()), member_of(Stocks())
    reader._positions.next = {("t", 0): 0, ("t", 1): 0}
    gathered = [await reader._gathered(member) for _ in range(2)]
    assert asked == [[1, 0], [0, 1]]
    assert [
        {place[1]: [record.offset for record in taken] for place, taken in batches.items()}
        for batches in gathered
    ] == [
        {1: [0, 1, 2], 0: [0]},
        {0: [1, 2]},
    ]


async def test_partitions_unknown_to_the_store_are_not_committed() -> None:
    client = Client()
    await located(await reader_of({EMPTY}), client)
    assert client.committed == {}


async def test_a_failed_commit_is_repeated_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a reader that is stopped while its broker is down would never end."""
    monkeypatch.setattr(reader_module, "_COMMIT_S", 0.01)
    monkeypatch.setattr(reader_module, "_COMMIT_EVERY_S", 0)
    reader = await reader_of({OLD})
    client: Any = Client()
    client.broker_is_there = False
    await asyncio.wait_for(reader._commit_offsets(member_of(client), {("t", 0): 7}), 10)
    assert client.committed == {}
    client.broker_is_there = True
    await reader._commit_offsets(member_of(client), {("t", 1): 3})
    assert client.committed == {OLD: 7, NEW: 3}
