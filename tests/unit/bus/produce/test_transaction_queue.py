"""Concurrent writes of lanes share a transaction, and an error affects one lane only."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import IllegalGenerationError, KafkaError, UnknownMemberIdError

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.partition import Partition
from pointsman.bus.produce import transaction_queue
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.protocol.transaction_requests import Membership, Offset

MEMBERSHIP = Membership("g", "m", 1)
OUT = ("out", 0)


class Log:
    """Commits once `go` is set.

    `bad`: values that are refused; `lost`: errors that transactions end in; `refusing`: groups that take no
    positions.
    """

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.bad: set[bytes] = set()
        self.lost: list[Exception] = []
        self.refusing: set[str] = set()
        self.committed: list[tuple[int, ...]] = []
        self.members: list[Membership] = []
        self.begun_anew = 0
        self.closed = False

    async def write(
        self, positions: Mapping[Membership, Sequence[Offset]], records: Mapping[Partition, Sequence[Made]]
    ) -> None:
        await self.go.wait()
        if refusing := self.refusing.intersection(membership.group for membership in positions):
            raise IllegalGenerationError(*refusing)
        loose = [record for some in records.values() for record in some if isinstance(record, Outgoing)]
        if refused := [record for record in loose if record.value in self.bad]:
            raise RecordsRefusedError(refused, "refused")
        if self.lost:
            raise self.lost.pop(0)
        self.committed.append(tuple(offset.place[1] for some in positions.values() for offset in some))
        self.members += positions

    async def begin_anew(self) -> None:
        self.begun_anew += 1

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def queue_on(log: Log) -> AsyncIterator[TransactionQueue]:
    transactions: Any = log
    queue = TransactionQueue(transactions)
    try:
        yield queue
    finally:
        await queue.close()


def write(
    queue: TransactionQueue, lane: int, value: bytes = b"x", membership: Membership = MEMBERSHIP
) -> "asyncio.Task[None]":
    records: dict[Partition, list[Made]] = {OUT: [Outgoing("out", None, value, [])]}
    return asyncio.create_task(queue.write(membership, Offset(("in", lane), 1, ""), records))


async def results(*tasks: "asyncio.Task[None]") -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def under_way(queue: TransactionQueue, *lanes: int) -> None:
    """Waits until a transaction with the writes of these lanes is in progress."""
    async with asyncio.timeout(20):
        while [item.offset.place[1] for item in queue._under_way] != [*lanes]:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_writes_during_a_transaction_share_the_next_one() -> None:
    log = Log()
    log.go.clear()
    async with queue_on(log) as queue:
        first = write(queue, 0)
        await under_way(queue, 0)
        rest = [write(queue, lane) for lane in (1, 2, 3)]
        await asyncio.sleep(0)
        log.go.set()
        assert await results(first, *rest) == [None] * 4
    assert log.committed == [(0,), (1, 2, 3)]


async def test_lanes_of_two_generations_do_not_share_a_transaction() -> None:
    log, later = Log(), Membership("g", "m", 2)
    async with queue_on(log) as queue:
        assert (
            await results(write(queue, 0), write(queue, 1, membership=later), write(queue, 2)) == [None] * 3
        )
    assert log.committed == [(0,), (1,), (2,)]
    assert log.members == [MEMBERSHIP, later, MEMBERSHIP]


async def test_groups_share_a_transaction() -> None:
    log, other = Log(), Membership("h", "m", 7)
    async with queue_on(log) as queue:
        await results(write(queue, 0), write(queue, 1, membership=other), write(queue, 2))
    assert log.committed == [(0, 2, 1)]
    assert log.members == [MEMBERSHIP, other]


async def test_a_refused_group_does_not_affect_another() -> None:
    log, other = Log(), Membership("h", "m", 7)
    log.refusing = {"h"}
    async with queue_on(log) as queue:
        errors = await results(write(queue, 0), write(queue, 1, membership=other), write(queue, 2))
        assert [type(error) for error in errors] == [type(None), IllegalGenerationError, type(None)]
        assert log.begun_anew == 2, "what it left is aborted, together and alone"
        assert await results(write(queue, 0), write(queue, 2)) == [None, None]
    assert log.committed == [(0, 2), (0, 2)]


async def test_the_size_of_a_transaction_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction_queue, "_TRANSACTION_BYTES", 10)
    log = Log()
    async with queue_on(log) as queue:
        values = [b"1234", b"123456", b"1", b"12345678901234567890", b"1"]
        await results(*[write(queue, lane, value) for lane, value in enumerate(values)])
    assert log.committed == [(0, 1), (2,), (3,), (4,)]


async def test_a_refusal_affects_only_its_own_lane() -> None:
    log = Log()
    log.bad = {b"bad"}
    async with queue_on(log) as queue:
        errors = await results(write(queue, 0), write(queue, 1, b"bad"), write(queue, 2))
    assert [type(error) for error in errors] == [type(None), RecordsRefusedError, type(None)]
    assert log.committed == [(0,), (2,)]
    assert log.begun_anew == 0, "nothing of it is there"


async def test_after_an_error_each_lane_writes_alone_once() -> None:
    """One of them may be the cause of every failure."""
    log = Log()
    log.lost = [KafkaError("lost"), UnknownMemberIdError("gone")]
    async with queue_on(log) as queue:
        errors = await results(*[write(queue, lane) for lane in range(3)])
        assert [str(error) for error in errors] == [str(KafkaError("lost"))] * 3
        assert log.begun_anew == 1
        errors = await results(*[write(queue, lane) for lane in range(4)])
        assert [type(error) for error in errors] == [UnknownMemberIdError, *[type(None)] * 3]
    assert log.committed == [(1,), (2, 3)]


async def test_an_unknown_result_is_settled_before_the_next_transaction() -> None:
    log = Log()
    log.lost = [KafkaError("lost")]

    async def fail() -> None:
        log.begun_anew += 1
        if log.begun_anew < 3:
            raise KafkaError("no coordinator")

    log.begin_anew = fail  # type: ignore[method-assign]
    async with queue_on(log) as queue:
        errors = [(await results(write(queue, 0)))[0] for _ in range(3)]
    assert [str(error) for error in errors] == ["KafkaError: lost", "KafkaError: no coordinator", "None"]
    assert log.committed == [(0,)]


async def test_a_revoked_lane_starts_no_further_write() -> None:
    log = Log()
    log.go.clear()
    async with queue_on(log) as queue:
        first = write(queue, 0)
        await under_way(queue, 0)
        revoked = write(queue, 1)
        await asyncio.sleep(0)
        revoked.cancel()
        await asyncio.wait([revoked])
        log.go.set()
        await first
        await write(queue, 2)
    assert log.committed == [(0,), (2,)]


async def test_a_new_lane_waits_for_its_predecessors_write() -> None:
    log = Log()
    log.go.clear()
    async with queue_on(log) as queue:
        former = write(queue, 0)
        await under_way(queue, 0)
        former.cancel()
        await asyncio.wait([former])
        settled = asyncio.create_task(queue.wait_for_writes_of(("in", 0)))
        await asyncio.wait_for(queue.wait_for_writes_of(("in", 1)), 20)
        await asyncio.sleep(0.01)
        assert not settled.done()
        log.go.set()
        await asyncio.wait_for(settled, 20)
        assert log.committed == [(0,)]


async def test_closing_fails_pending_writes() -> None:
    log = Log()
    log.go.clear()
    async with queue_on(log) as queue:
        writes = [write(queue, 0)]
        await under_way(queue, 0)
        writes.append(write(queue, 1))
        await asyncio.sleep(0)
    errors = await results(*writes)
    assert all(isinstance(error, KafkaError) for error in errors)
    assert (log.committed, log.closed) == ([], True)


@pytest.fixture
def _long_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction_queue, "_REST", 1e9)
    monkeypatch.setattr(transaction_queue, "_REST_MOST_S", 0.5)


async def _one_after_another(log: Log, value: bytes = b"x", count: int = 1) -> None:
    """A transaction of `count` records, then writes of lanes 1 and 2 while none is in progress."""
    async with queue_on(log) as queue:
        many: dict[Partition, list[Made]] = {OUT: [Outgoing("out", None, value, []) for _ in range(count)]}
        await queue.write(MEMBERSHIP, Offset(("in", 0), 1, ""), many)
        first = write(queue, 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert await results(first, write(queue, 2)) == [None, None]


@pytest.mark.usefixtures("_long_rest")
async def test_writes_soon_after_a_small_transaction_are_combined() -> None:
    log = Log()
    await _one_after_another(log)
    assert log.committed == [(0,), (1, 2)]


@pytest.mark.usefixtures("_long_rest")
async def test_after_a_pause_a_small_transaction_is_followed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A single job has two transactions, neither of which waits; a third one does."""
    monkeypatch.setattr(transaction_queue, "_BURST_S", transaction_queue._REST_MOST_S + 0.1)
    log = Log()
    async with queue_on(log) as queue:
        await write(queue, 0)
        writes = []
        for lane in (1, 2, 3):
            writes.append(write(queue, lane))
            for _ in range(20):
                await asyncio.sleep(0)
        assert await results(*writes) == [None] * 3
    assert log.committed == [(0,), (1,), (2, 3)]


@pytest.mark.usefixtures("_long_rest")
async def test_a_large_transaction_is_followed_at_once() -> None:
    log = Log()
    await _one_after_another(log, count=transaction_queue._SMALL)
    assert log.committed == [(0,), (1,), (2,)]
