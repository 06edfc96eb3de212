"""One transaction queue for all groups of a process, as long as one of them is connected."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pointsman.bus.produce import shared_transactions as module
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.produce.transactions import Transactions
from pointsman.bus.settings import LanePart


class Queue:
    def __init__(self, group: str) -> None:
        self.group = group
        self.closed = False

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """The opened queues in order."""
    queues: list[Queue] = []

    async def open(settings: LanePart, group: str) -> Queue:
        await asyncio.sleep(0)
        queues.append(Queue(group))
        return queues[-1]

    monkeypatch.setattr(Transactions, "open", open)
    monkeypatch.setattr(module, "TransactionQueue", lambda queue: queue)
    return queues


async def test_groups_that_connect_concurrently_share_a_queue(opened: list[Queue]) -> None:
    shared = SharedTransactions(LanePart())
    async with AsyncExitStack() as stack:
        waiting = [stack.enter_async_context(shared.opened(group)) for group in ("router", "worker")]
        first, second = await asyncio.gather(*waiting)
        assert first is second
        assert [queue.group for queue in opened] == ["router"]
        assert not opened[0].closed
    assert opened[0].closed


async def test_a_reconnecting_group_gets_the_open_queue(opened: list[Queue]) -> None:
    shared = SharedTransactions(LanePart())
    async with shared.opened("router") as first:
        async with shared.opened("worker"):
            pass
        async with shared.opened("worker") as again:
            assert again is first
    assert [queue.closed for queue in opened] == [True]


async def test_after_the_last_group_a_new_queue_is_opened(opened: list[Queue]) -> None:
    shared = SharedTransactions(LanePart())
    for _ in range(2):
        async with shared.opened("router"):
            pass
    assert [queue.closed for queue in opened] == [True, True]
