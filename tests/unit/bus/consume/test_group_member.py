"""A group member: whom it notifies, and when it reconnects."""

import asyncio
from itertools import islice
from typing import Any

import pytest
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError

from pointsman.bus.consume import group_member as module
from pointsman.bus.consume.group_member import keep_connected
from pointsman.bus.consume.watchdog import StalledError
from tests.support.bus.group_member import member_of

ONE, TWO, THREE = (TopicPartition("t", number) for number in range(3))


class Clients:
    """Consumer, fetcher and admin in one; records their calls in order."""

    _coordinator = None

    def __init__(self, refuses_at: int = 0) -> None:
        self.asked: list[object] = []
        self.polls = 0
        self.left = False
        self.closes = True
        self.listener: Any = None
        self._refuses_at = refuses_at

    def subscribe(self, topics: object, pattern: object, listener: ConsumerRebalanceListener) -> None:
        self.listener = listener

    async def start(self) -> None: ...
    async def set_topics(self, topics: object) -> None: ...
    def pause(self, *tps: TopicPartition) -> None:
        self.asked.append({"paused": set(tps)})

    async def gather(self, wanted: list[TopicPartition], within_s: float) -> None:
        self.asked.append([tp.partition for tp in wanted])

    async def getmany(self, *, timeout_ms: int) -> None:
        self.polls += 1
        if self.polls == self._refuses_at:
            raise GroupAuthorizationFailedError("group")
        try:
            await (asyncio.sleep(0) if self._refuses_at else asyncio.Event().wait())
        finally:
            self.left = True

    async def stop(self) -> None:
        self.asked.append("stopped")
        if not self.closes:
            await asyncio.Event().wait()

    async def close(self) -> None:
        self.asked.append("closed")


async def _nothing(_: set[TopicPartition]) -> None: ...


async def test_a_fatal_group_error_ends_the_loop() -> None:
    """The consumer reports such an error only when polled, and it is not polled for records."""
    clients = Clients(refuses_at=3)
    member = member_of(clients)
    await member.join(_nothing, topics=["t"])
    with pytest.raises(GroupAuthorizationFailedError):
        async with asyncio.timeout(20):
            for _ in member.polls(asyncio.Event()):
                await asyncio.sleep(0)
    assert clients.polls == 3


async def test_the_loop_ends_when_told() -> None:
    stopping = asyncio.Event()
    polls = member_of(Clients()).polls(stopping)
    next(polls)
    next(polls)
    stopping.set()
    assert list(islice(polls, 1)) == []


async def test_a_group_that_was_left_is_not_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that do not close are abandoned, because the process must end."""
    monkeypatch.setattr(module, "_CLOSE_S", 0.01)
    clients = Clients()
    clients.closes = False
    member = member_of(clients)
    await member.join(_nothing, topics=["t"])
    while not clients.polls:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.wait_for(member.leave(), 20)
    assert clients.left
    assert clients.asked == ["stopped", "closed", "closed"]


async def test_the_group_is_settled_when_its_partitions_are_paused_and_taken_in() -> None:
    clients = Clients()
    member = member_of(clients)
    begun, taken_in = asyncio.Event(), asyncio.Event()

    async def assigned(owned: set[TopicPartition]) -> None:
        clients.asked.append({"assigned": owned})
        begun.set()
        await taken_in.wait()

    await member.join(assigned, topics=["t"])
    assigning = asyncio.create_task(clients.listener.on_partitions_assigned({ONE, TWO}))
    async with asyncio.timeout(20):
        await begun.wait()
    assert clients.asked == [{"paused": {ONE, TWO}}, {"assigned": {ONE, TWO}}]
    assert not member.settled.is_set()
    assert not assigning.done(), "the client goes on before its partitions are taken in"
    taken_in.set()
    await assigning
    assert member.settled.is_set()
    await clients.listener.on_partitions_revoked({ONE, TWO})
    assert not member.settled.is_set()
    await member.leave()


async def test_each_partition_is_the_first_in_turn() -> None:
    clients = Clients()
    member = member_of(clients)
    for _ in range(3):
        await member.gather([ONE, TWO, THREE], 0)
    assert await member.gather([], 0) == []
    assert clients.asked == [[1, 2, 0], [2, 0, 1], [0, 1, 2], []]


async def test_a_broken_connection_is_replaced_until_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECONNECT_S", 0)
    stopping = asyncio.Event()
    errors: list[Exception] = [KafkaConnectionError("gone"), StalledError("stands"), OSError("reset")]

    async def connected() -> None:
        if errors:
            raise errors.pop()
        stopping.set()

    await asyncio.wait_for(keep_connected(stopping, connected), 20)
    assert errors == []


async def test_an_unexpected_error_ends_it() -> None:
    async def connected() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await keep_connected(asyncio.Event(), connected)
