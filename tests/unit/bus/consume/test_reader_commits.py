"""The audit's reader commits offsets to Kafka only after the store has committed."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.consume.position_store import MovedError, UnavailableError
from pointsman.bus.consume.reader import Reader
from pointsman.bus.partition import Partition
from pointsman.bus.settings import LanePart
from tests.support.bus.group_member import member_of

PLACE = ("t", 0)
RECORDS = [Incoming("t", 0, offset, 0, None, b"x", ()) for offset in (3, 4)]


class Kafka:
    """Consumer and fetcher: records each committed offset and the store's position at that time."""

    def __init__(self) -> None:
        self.committed: list[tuple[int, int]] = []
        self.stored = 3

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.committed += [(next, self.stored) for next in offsets.values()]

    def unread(self, tp: TopicPartition) -> int:
        return 0

    def fetch_buffer(self, _: object) -> FetchBuffer:
        return FetchBuffer()

    def next_offset(self, _: object) -> int:
        return 0


class Store:
    """Takes a while, and runs these first."""

    def __init__(self, kafka: Kafka, *errors: Exception) -> None:
        self._kafka = kafka
        self._errors = list(errors)
        self.reader: Reader | None = None

    async def positions(self, places: Sequence[Partition], ids: object) -> Mapping[Partition, int]:
        return {}

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        raise AssertionError

    async def append(
        self, batches: Mapping[Partition, Sequence[Incoming]], expected: object, ends: object, *, bare: bool
    ) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        if self._errors:
            raise self._errors.pop(0)
        self._kafka.stored = batches[PLACE][-1].offset + 1


async def taken(kafka: Kafka, *errors: Exception) -> Reader:
    reader = Reader(LanePart(kafka="none:1"), "g", ".*", Store(kafka, *errors), {})  # type: ignore[arg-type]
    reader._positions.next = {PLACE: 3}
    await asyncio.wait_for(reader._take(member_of(kafka), {PLACE: RECORDS}), 30)
    return reader


async def test_committed_offsets_are_stored_first() -> None:
    kafka = Kafka()
    reader = await taken(kafka)
    assert kafka.committed == [(5, 5)]
    assert reader._positions.next == {PLACE: 5}


async def test_nothing_is_committed_while_the_store_is_unavailable() -> None:
    kafka = Kafka()
    await taken(kafka, UnavailableError("away"))
    assert kafka.committed == [(5, 5)]


@pytest.mark.parametrize("error", [MovedError("another"), RuntimeError("defect")])
async def test_offsets_of_unstored_records_are_not_committed(error: Exception) -> None:
    kafka = Kafka()
    try:
        reader = await taken(kafka, error)
    except RuntimeError:
        assert not isinstance(error, MovedError)
    else:
        assert reader._positions.next == {PLACE: 3}
        assert reader._uncommitted == {}
    assert kafka.committed == []


async def test_offsets_are_committed_regularly_and_at_the_end() -> None:
    kafka = Kafka()
    reader = await taken(kafka)
    reader._positions.next = {PLACE: 3}
    for _ in range(3):
        await reader._take(member_of(kafka), {PLACE: RECORDS})
    assert kafka.committed == [(5, 5)]
    reader.stop()
    await reader._commit_offsets(member_of(kafka), {})
    assert kafka.committed == [(5, 5), (5, 5)]
