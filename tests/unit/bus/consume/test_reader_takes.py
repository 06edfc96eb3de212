"""The audit's reader, when a rebalance happens while it stores a batch."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.position_store import MovedError
from pointsman.bus.consume.reader import Reader
from pointsman.bus.partition import Partition
from pointsman.bus.settings import LanePart
from tests.support.bus.group_member import member_of
from tests.unit.bus.consume.test_reader_locates import Client, _nothing, located

KEPT, GONE = TopicPartition("t", 0), TopicPartition("t", 1)


class Store:
    """Has 7 records of each partition; `meanwhile` runs while it stores."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]], error: Exception | None = None) -> None:
        self._meanwhile = meanwhile
        self._error = error

    async def positions(self, places: Sequence[Partition], ids: object) -> Mapping[Partition, int]:
        return dict.fromkeys(places, 7)

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        raise AssertionError

    async def append(self, batches: object, expected: object, ends: object, *, bare: bool = False) -> None:
        await self._meanwhile()
        if self._error is not None:
            raise self._error


def _record(tp: TopicPartition) -> Incoming:
    return Incoming(tp.topic, tp.partition, 7, 0, None, b"", ())


class Hands:
    """Assigns other partitions to the reader."""

    def __init__(self, owned: set[TopicPartition]) -> None:
        self._owned = owned
        self.reader: Reader | None = None

    async def __call__(self) -> None:
        assert self.reader is not None
        await self.reader.assigned(self._owned)


async def _after(owned: set[TopicPartition] | None, error: Exception | None) -> tuple[Reader, Client]:
    """A reader that was assigned `owned` (None: no change) while it stored a record of both partitions."""
    hands = Hands(owned or set())
    store = Store(hands if owned is not None else _nothing, error)
    reader, client = Reader(LanePart(kafka="none:1"), "g", ".*", store, {}), Client()
    hands.reader = reader
    await reader.assigned({KEPT, GONE})
    await located(reader, client)
    client.committed.clear()
    records: dict[Partition, list[Incoming]] = {
        (tp.topic, tp.partition): [_record(tp)] for tp in (KEPT, GONE)
    }
    await reader._take(member_of(client), records)
    return reader, client


@pytest.mark.parametrize("owned", [{KEPT}, set()])
async def test_revoked_partitions_are_not_looked_up(owned: set[TopicPartition]) -> None:
    """Another process reads it. Two readers of one partition would waste work, and commits would be refused.

    Two readers of one partition would waste work, and commits would be refused.
    """
    reader, client = await _after(owned, MovedError("another was faster"))
    assert reader._positions.unknown == owned
    await located(reader, client)
    assert set(reader._positions.next) == {(tp.topic, tp.partition) for tp in owned}


async def test_kept_partitions_are_looked_up_again() -> None:
    reader, _ = await _after(None, MovedError("another was faster"))
    assert reader._positions.unknown == {KEPT, GONE}


async def test_revoked_partitions_are_not_committed() -> None:
    """The client refuses a whole commit if it contains a partition of another owner."""
    reader, client = await _after({KEPT}, None)
    assert client.committed == {}
    assert reader._positions.next == {}
    await located(reader, client)
    assert client.committed == {KEPT: 7}
