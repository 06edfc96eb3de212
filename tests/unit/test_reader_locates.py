"""Where the audit's reader goes on when the group changes hands while it is just looking that up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from pointsman.bus import reader as reader_module
from pointsman.bus.reader import Place, Reader
from pointsman.bus.settings import LanePart

OLD, NEW, EMPTY = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("empty", 0)


class Positions:
    """A store that has 7 records of each partition of `t`."""

    async def positions(self, places: Sequence[Place]) -> Mapping[Place, int]:
        return {place: 7 for place in places if place[0] == "t"}

    async def append(self, batches: object, expected: object) -> None:
        raise AssertionError


class Consumer:
    """Remembers where it was sent; `meanwhile` happens once, while it looks for a beginning."""

    def __init__(self, owned: set[TopicPartition], meanwhile: Callable[["Consumer"], None]) -> None:
        self.owned = owned
        self.sought: dict[TopicPartition, int] = {}
        self.committed: dict[TopicPartition, int] = {}
        self._meanwhile: Callable[[Consumer], None] | None = meanwhile
        self.broker_is_there = True

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self.owned:
            raise IllegalStateError
        self.sought[tp] = offset

    async def seek_to_beginning(self, tp: TopicPartition) -> None:
        await asyncio.sleep(0)
        if self._meanwhile is not None:
            happens, self._meanwhile = self._meanwhile, None
            happens(self)
        self.seek(tp, 0)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if not offsets:
            raise ValueError  # as the client does
        if not self.broker_is_there:
            await asyncio.Event().wait()  # as the client does, for as long as there is none
        self.committed |= offsets

    def assignment(self) -> set[TopicPartition]:
        return self.owned

    def highwater(self, tp: TopicPartition) -> int:
        return 7


def reader_of(owned: set[TopicPartition]) -> Reader:
    reader = Reader(LanePart(kafka="none:1"), "g", ".*", Positions())
    reader.assigned(owned)
    return reader


@pytest.mark.parametrize("kept", [{EMPTY}, set()])
async def test_partitions_that_it_is_given_meanwhile_are_looked_up_too(kept: set[TopicPartition]) -> None:
    reader = reader_of({OLD, EMPTY})

    def changes_hands(consumer: Consumer) -> None:
        consumer.owned = {NEW, *kept}
        reader.assigned(consumer.owned)

    consumer: Any = Consumer({OLD, EMPTY}, changes_hands)
    await asyncio.wait_for(reader._locate(consumer), 10)
    assert consumer.sought[NEW] == 7
    assert reader._expected == {("t", 1): 7, **{tuple(tp): None for tp in kept}}
    assert reader.ready


async def test_while_nobody_is_given_any_it_asks_again() -> None:
    """The client knows before its listener that the partitions are gone; they come back to us."""
    reader = reader_of({OLD, EMPTY})

    def is_taken_away(consumer: Consumer) -> None:
        consumer.owned = set()
        asyncio.get_running_loop().call_later(0.01, is_given_back, consumer)

    def is_given_back(consumer: Consumer) -> None:
        consumer.owned = {OLD, EMPTY}
        reader.assigned(consumer.owned)

    consumer: Any = Consumer({OLD, EMPTY}, is_taken_away)
    await asyncio.wait_for(reader._locate(consumer), 10)
    assert reader._expected == {("t", 0): 7, ("empty", 0): None}
    assert reader.ready


async def test_what_the_store_has_is_announced_to_those_who_watch_the_lag() -> None:
    """What was stored while the group changed hands was not: it would look unread until the next record."""
    consumer: Any = Consumer({OLD, EMPTY}, lambda consumer: None)
    await asyncio.wait_for(reader_of({OLD, EMPTY})._locate(consumer), 10)
    assert consumer.committed == {OLD: 7}


async def test_of_partitions_that_the_store_does_not_know_nothing_is_announced() -> None:
    consumer: Any = Consumer({EMPTY}, lambda consumer: None)
    await asyncio.wait_for(reader_of({EMPTY})._locate(consumer), 10)
    assert consumer.committed == {}


async def test_a_commit_that_no_broker_takes_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a reader that is told to stop while its broker is gone would never end."""
    monkeypatch.setattr(reader_module, "_ANNOUNCE_S", 0.01)
    reader = reader_of({OLD})
    consumer: Any = Consumer({OLD}, lambda consumer: None)
    consumer.broker_is_there = False
    await asyncio.wait_for(reader._announce(consumer, {("t", 0): 7}), 10)
    assert consumer.committed == {}
    consumer.broker_is_there = True
    await reader._announce(consumer, {("t", 1): 3})
    assert consumer.committed == {OLD: 7, NEW: 3}
