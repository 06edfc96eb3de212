"""The worker's lane without a broker: what is committed when, and where the next owner continues."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume import window_lane
from pointsman.bus.consume.window_lane import (
    AGENT_HEADER,
    ORDER_KEY_HEADER,
    WindowLane,
    gather_s,
    window_lanes,
)
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.produce.lane_writer import Position
from pointsman.bus.settings import LanePart
from tests.support.bus.failing import FAILING


@pytest.fixture(autouse=True)
def gathers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits finished work without delay, however slow the machine is."""
    monkeypatch.setattr(window_lane, "GATHER_MOST_S", 0.0)


class Log:
    """A double of the broker: committed transactions, and the position in the last one."""

    def __init__(self) -> None:
        self.results: list[bytes] = []
        self.transactions = 0
        self.position = 0
        self.metadata = ""
        self.refuse = False

    async def write(
        self, records: Iterable[Outgoing], next_offset: int, metadata: str = "", *, alone: bool = False
    ) -> None:
        made = [record.value or b"" for record in records]
        await asyncio.sleep(0)
        if self.refuse:
            raise ConnectionError("fenced")
        self.results += made
        self.transactions += 1
        self.position, self.metadata = next_offset, metadata


def record(offset: int, order_key: bytes | None = None, agent: bytes = b"a") -> Incoming:
    headers = ((ORDER_KEY_HEADER, order_key), (AGENT_HEADER, agent)) if order_key else ()
    return Incoming("t", 0, offset, 0, None, b"%d" % offset, headers)


def answer(record: Incoming) -> list[Outgoing]:
    return [Outgoing("results", None, record.value, [])]


def lane_on(log: Log, handler: object, window: int = 10) -> WindowLane:
    finished = decode_metadata(log.position, log.metadata)
    return WindowLane(log.position, finished, log, handler, window, failing=FAILING)  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_slow_job_holds_back_the_offset_but_not_the_results() -> None:
    log, slow = Log(), asyncio.Event()

    async def handler(record: Incoming) -> list[Outgoing]:
        if record.offset == 0:
            await slow.wait()
        return answer(record)

    lane = lane_on(log, handler)
    running = asyncio.create_task(lane.run())
    lane.feed([record(0), record(1), record(3)])
    await settle()
    assert sorted(log.results) == [b"1", b"3"]
    assert log.position == 0
    assert decode_metadata(0, log.metadata) == {1, 3}
    slow.set()
    await settle()
    assert log.position == 4
    assert log.metadata == ""
    running.cancel()


async def test_jobs_of_one_order_key_run_one_after_another() -> None:
    started: list[int] = []
    gates = {offset: asyncio.Event() for offset in range(5)}

    async def handler(record: Incoming) -> list[Outgoing]:
        started.append(record.offset)
        await gates[record.offset].wait()
        return answer(record)

    log = Log()
    lane = lane_on(log, handler)
    running = asyncio.create_task(lane.run())
    others = record(4, b"k", b"b")  # another agent's key, which happens to be the same
    lane.feed([record(0, b"k"), record(1, b"k"), record(2), record(3, b"k"), others])
    await settle()
    assert started == [0, 2, 4]
    gates[0].set()
    await settle()
    assert started == [0, 2, 4, 1]
    for rate_limiter in gates.values():
        rate_limiter.set()
    await settle()
    assert started == [0, 2, 4, 1, 3]
    assert log.position == 5
    running.cancel()


@pytest.mark.parametrize("took_s", [0.0, 0.019])
def test_a_quick_job_is_committed_at_once(took_s: float) -> None:
    assert gather_s(took_s) == 0


def test_a_commit_waits_for_a_twentieth_of_the_jobs_time_within_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert [gather_s(took_s) for took_s in (0.2, 0.9, 60)] == pytest.approx([0.01, 0.045, 0.05])


async def test_jobs_that_end_meanwhile_share_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATHER_LEAST_S", "GATHER_MOST_S"):
        monkeypatch.setattr(window_lane, name, 3600.0)
    monkeypatch.setattr(window_lane, "GATHER_SHARE", 1e12)
    log, second = Log(), asyncio.Event()

    async def handler(record: Incoming) -> list[Outgoing]:
        if record.offset == 1:
            await second.wait()
        return answer(record)

    lane = lane_on(log, handler)
    running = asyncio.create_task(lane.run())
    lane.feed([record(0), record(1)])
    await settle()
    assert log.transactions == 0
    second.set()
    await settle()
    await lane.finish(0)
    assert (log.results, log.transactions, log.position) == ([b"0", b"1"], 1, 2)
    running.cancel()


async def test_no_more_than_the_window_runs_and_a_full_lane_says_so() -> None:
    running_now = most = 0
    rate_limiter = asyncio.Event()

    async def handler(record: Incoming) -> list[Outgoing]:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await rate_limiter.wait()
        running_now -= 1
        return answer(record)

    log = Log()
    lane = lane_on(log, handler, window=3)
    running = asyncio.create_task(lane.run())
    assert lane.has_room
    lane.feed([record(offset) for offset in range(10)])
    await settle()
    assert not lane.has_room
    assert most == 3
    rate_limiter.set()
    await settle()
    assert log.position == 10
    assert lane.has_room
    running.cancel()


async def test_finish_waits_for_running_jobs_and_returns_the_rest() -> None:
    rate_limiter = asyncio.Event()

    async def handler(record: Incoming) -> list[Outgoing]:
        if record.offset == 0:
            await asyncio.Event().wait()  # never ends: handed back
        await rate_limiter.wait()
        return answer(record)

    log = Log()
    lane = lane_on(log, handler)
    running = asyncio.create_task(lane.run())
    lane.feed([record(0), record(1)])
    await settle()
    rate_limiter.set()
    await lane.finish(0.05)
    running.cancel()
    await asyncio.wait([running])
    assert log.results == [b"1"]
    assert log.position == 0
    assert decode_metadata(0, log.metadata) == {1}


class Slow:
    """A handler whose jobs end when told to; `asked` counts the starts of each."""

    def __init__(self, *slow: int) -> None:
        self.gates = {offset: asyncio.Event() for offset in slow}
        self.asked: Counter[int] = Counter()
        self.cancelled: set[int] = set()

    async def __call__(self, record: Incoming) -> list[Outgoing]:
        self.asked[record.offset] += 1
        try:
            if rate_limiter := self.gates.get(record.offset):
                await rate_limiter.wait()
        except asyncio.CancelledError:
            self.cancelled.add(record.offset)
            raise
        return answer(record)


async def fail(log: Log, lane: WindowLane, *offsets: int) -> None:
    """The lane gets `offsets` and fails at its first commit, as if fenced or timed out."""
    log.refuse = True
    lane.feed([record(offset) for offset in offsets])
    with pytest.raises(ConnectionError, match="fenced"):
        await lane.run()
    log.refuse = False


async def test_a_fenced_lane_ends_and_its_jobs_are_cancelled_when_it_is_abandoned() -> None:
    log, slow = Log(), Slow(0)
    lane = lane_on(log, slow)
    await fail(log, lane, 0, 1)
    assert slow.cancelled == set()
    await lane.abandon()
    assert slow.cancelled == {0}
    assert log.results == []


async def test_a_lane_whose_writer_failed_keeps_its_jobs() -> None:
    log, slow = Log(), Slow(0)
    lane = lane_on(log, slow)
    await fail(log, lane, 0, 1)
    assert lane.renew(0, frozenset(), log)  # type: ignore[arg-type]
    running = asyncio.create_task(lane.run())
    await settle()
    assert log.results == [b"1"]
    slow.gates[0].set()
    await settle()
    assert log.results == [b"1", b"0"]
    assert log.position == 2
    assert slow.asked == {0: 1, 1: 1}
    running.cancel()


async def test_a_commit_without_an_answer_is_not_repeated() -> None:
    log, slow = Log(), Slow(0)
    lane = lane_on(log, slow)
    await fail(log, lane, 0, 1)
    assert lane.renew(0, frozenset({1}), log)  # type: ignore[arg-type]
    running = asyncio.create_task(lane.run())
    slow.gates[0].set()
    await settle()
    assert log.results == [b"0"]
    assert log.position == 2
    running.cancel()


@pytest.mark.parametrize(
    ("committed", "finished"),
    [(1, frozenset()), (0, frozenset({0})), (9, frozenset())],
    ids=["passed", "done", "far-on"],
)
async def test_a_lane_that_another_process_had_does_not_continue(
    committed: int, finished: frozenset[int]
) -> None:
    log = Log()
    lane = lane_on(log, Slow(0))
    await fail(log, lane, 0, 1)
    assert not lane.renew(committed, finished, log)  # type: ignore[arg-type]
    await lane.abandon()


async def test_a_lane_restarts_if_its_group_was_reset() -> None:
    """No job is finished beyond the committed offset, which alone shows it."""
    log = Log()
    lane = lane_on(log, Slow())
    running = asyncio.create_task(lane.run())
    lane.feed([record(0), record(1)])
    await settle()
    assert (log.position, log.metadata) == (2, "")
    running.cancel()
    await asyncio.wait([running])
    assert not lane.renew(1, frozenset(), log)  # type: ignore[arg-type]


async def test_a_lane_restarts_if_a_finished_job_is_no_longer_committed() -> None:
    log, slow = Log(), Slow(0, 3)
    lane = lane_on(log, slow)
    lane.feed([record(0), record(1), record(2)])
    running = asyncio.create_task(lane.run())
    await settle()
    assert decode_metadata(0, log.metadata) == {1, 2}
    running.cancel()
    await asyncio.wait([running])
    assert not lane.renew(0, frozenset({1}), log)  # type: ignore[arg-type]


async def test_while_paused_nothing_is_committed() -> None:
    async def handler(record: Incoming) -> list[Outgoing]:
        return answer(record)

    log = Log()
    lane = lane_on(log, handler)
    running = asyncio.create_task(lane.run())
    await lane.pause()
    lane.feed([record(0)])
    await settle()
    assert log.results == []
    lane.resume()
    await settle()
    assert log.results == [b"0"]
    running.cancel()


async def test_finished_but_uncommitted_jobs_are_limited_by_the_window() -> None:
    """This bounds what a dying process loses."""
    log, quick = Log(), Slow()
    lane = lane_on(log, quick, window=3)
    running = asyncio.create_task(lane.run())
    await lane.pause()
    lane.feed([record(offset) for offset in range(10)])
    await settle()
    assert quick.asked.total() == 3
    lane.resume()
    await settle()
    assert log.position == 10
    running.cancel()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_through_any_crashes_each_job_is_answered_once(seed: int) -> None:
    asyncio.run(_crash_and_go_on(random.Random(seed)))


async def _crash_and_go_on(chance: random.Random) -> None:
    offsets = [offset for offset in range(60) if chance.random() < 0.8]  # gaps, as transaction markers leave
    log = Log()

    async def handler(record: Incoming) -> list[Outgoing]:
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        return answer(record)

    for _ in range(200):
        lane = lane_on(log, handler, window=chance.randrange(1, 8))
        running = asyncio.create_task(lane.run())
        todo = [offset for offset in offsets if offset >= lane.position]
        for _ in range(chance.randrange(1, 30)):
            if todo and lane.has_room:
                count = chance.randrange(1, 6)
                lane.feed([record(offset) for offset in todo[:count]])
                todo = todo[count:]
            await asyncio.sleep(0)
        if not todo and chance.random() < 0.5:
            await settle()
        log.refuse = True  # what is under way now is lost, as with a kill
        running.cancel()
        await asyncio.wait([running])
        log.refuse = False
        if len(log.results) == len(offsets):
            break
    assert Counter(log.results) == Counter(b"%d" % offset for offset in offsets)


async def test_a_new_lane_does_not_repeat_finished_jobs() -> None:
    """It opens with the committed metadata, like its host does."""
    log, asked = Log(), list[int]()

    async def handler(record: Incoming) -> list[Outgoing]:
        asked.append(record.offset)
        return answer(record)

    lanes = window_lanes(LanePart(), "g", "t", handler, 10, failing=FAILING)
    lane = lanes.__dict__["_open_lane"](0, Position(5, frozenset({6, 8})), log, None)
    running = asyncio.create_task(lane.run())
    lane.feed([record(offset) for offset in range(5, 10)])
    await settle()
    assert asked == [5, 7, 9]
    assert (log.position, log.metadata) == (10, "")
    running.cancel()
