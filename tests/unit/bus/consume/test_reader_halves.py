"""A batch that repeatedly fails to be stored is halved until the failing record is found."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume import reader as module
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.consume.position_store import UnavailableError, halved
from pointsman.bus.consume.reader import Reader
from pointsman.bus.partition import Partition
from pointsman.bus.settings import LanePart
from tests.support.bus.group_member import member_of

HERE, THERE = ("t", 0), ("t", 1)


def records(place: Partition, start: int, end: int) -> list[Incoming]:
    return [Incoming(*place, offset, 0, None, b"v", ()) for offset in range(start, end)]


class Breaking:
    """A store whose connection breaks at one record, unless that is stored without its payload."""

    def __init__(self, poison: tuple[Partition, int]) -> None:
        self._poison = poison
        self.whole: list[tuple[Partition, int]] = []
        self.bare: list[tuple[Partition, int]] = []

    async def positions(self, places: Sequence[Partition], ids: object) -> Mapping[Partition, int]:
        return {}

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        raise AssertionError

    async def append(
        self,
        batches: Mapping[Partition, Sequence[Incoming]],
        expected: Mapping[Partition, int | None],
        ends: Mapping[Partition, int],
        *,
        bare: bool = False,
    ) -> None:
        places = [(place, record.offset) for place, several in batches.items() for record in several]
        assert expected.keys() == batches.keys()
        assert ends == {place: several[-1].offset + 1 for place, several in batches.items()}
        if self._poison in places and not bare:
            raise UnavailableError("connection was closed in the middle of operation", broke=True)
        (self.bare if bare else self.whole).extend(places)


class Nothing:
    def fetch_buffer(self, _: object) -> FetchBuffer:
        return FetchBuffer()

    def next_offset(self, _: object) -> int:
        return 0

    async def commit(self, _: object) -> None: ...
    def unread(self, _: object) -> int:
        return 0


@pytest.mark.parametrize("poison", [(HERE, 0), (HERE, 37), (THERE, 99)])
async def test_only_the_failing_record_loses_its_payload(
    monkeypatch: pytest.MonkeyPatch, poison: tuple[Partition, int]
) -> None:
    store = Breaking(poison)
    reader = Reader(LanePart(), "group", "pattern", store, {})
    left: Any = {HERE: 0, THERE: 0}
    monkeypatch.setattr(module, "_STORE_AGAIN_S", 0)
    reader._positions.next = dict(left)
    for _ in range(100):
        unread = {place: records(place, reader._positions.next[place] or 0, 100) for place in (HERE, THERE)}
        if not any(unread.values()):
            break
        await reader._take(member_of(Nothing()), {place: some for place, some in unread.items() if some})
        reader._positions.unknown = set()  # the store's positions are those that the reader has
    everything = [(place, offset) for place in (HERE, THERE) for offset in range(100)]
    assert store.bare == [poison]
    assert sorted([*store.whole, poison]) == everything


def test_batches_are_halved_by_partition_first_then_by_record() -> None:
    both = {HERE: records(HERE, 0, 4), THERE: records(THERE, 0, 4)}
    assert halved(both) == {HERE: both[HERE]}
    assert halved({HERE: both[HERE]}) == {HERE: both[HERE][:2]}
    assert halved({HERE: both[HERE][:1]}) is None
