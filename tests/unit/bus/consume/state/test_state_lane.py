"""A state lane without Kafka: its changelog is a list, and its transactions are atomic."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

import pytest
from aiokafka import TopicPartition

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.payloads import Inline, Payloads
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.state.handler import LARGEST_CHANGE, Effects
from pointsman.bus.consume.state.restore import PartitionsDifferError, apply, see_alike
from pointsman.bus.consume.state.state_lane import StateLane
from pointsman.bus.consume.state.state_table import StateTable
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.runtime.metrics import STATE_ENTRIES
from pointsman_schemas import dead
from tests.support.bus.claim_stores import Shelf, as_read, claim_check
from tests.support.bus.failing import FAILING, TOPICS
from tests.support.worker.routed_jobs import NOW, routed

CHANGELOG = TopicPartition("state", 3)
TOLD = "told"


class Counting:
    """Counts the records of each key; a value may contain instructions."""

    def __init__(self, log: "Log") -> None:
        self.log = log
        self.counts: dict[bytes, int] = {}  # decoded values, as a handler may keep them
        log.handlers.append(self)

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        key, value = record.key or b"", record.value or b""
        self.log.saw.append(value)
        if value == b"poison":
            raise KeyError("poison")
        count = self.counts[key] = int(state.get(key, b"0")) + 1
        contents = {b"large": b"x" * LARGEST_CHANGE, b"long": b"x" * 5_000, b"deleted": None}
        content = contents.get(value, b"%d" % count)
        topic = "elsewhere" if value == b"astray" else CHANGELOG.topic
        changes = [Outgoing(topic, None if value == b"keyless" else key, content, [])]
        target = CHANGELOG.topic if value == b"smuggled" else TOLD
        payload = b"x" * 5_000 if value == b"wordy" else b"%d" % count
        return Effects([Outgoing(target, key, payload, [])], changes)

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        return self.log.due(now, state)


class Log:
    """A double of the broker. `fails`: errors of the next writes, and whether they are written anyway."""

    def __init__(self) -> None:
        self.membership = Membership("g", "m", 1)
        self.changelog: str | None = None
        self.there: list[Outgoing] = []
        self.writes: list[tuple[list[bytes | None], int]] = []
        self.limit = 1 << 30
        self.fails: list[tuple[Exception, bool]] = []
        self.handlers: list[Counting] = []
        self.saw: list[bytes] = []
        self.reads = 0
        self.due: Callable[[datetime, Mapping[bytes, bytes]], Effects] = lambda now, state: Effects()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.settling: list[list[str]] = []
        inputs = ["asked", "decided"]
        self.table = StateTable(inputs, CHANGELOG, lambda _: Counting(self), lambda: NOW, self.read)
        self.lanes: dict[str, StateLane] = {}

    async def wait_for_writes_of(self, topics: Sequence[str]) -> None:
        self.settling.append(list(topics))

    async def write(self, records: Iterable[Made], next_offset: int, metadata: str = "") -> None:
        made = [record for record in records if isinstance(record, Outgoing)]
        await self.may_write.wait()
        refused = [record for record in made if len(record.value or b"") > self.limit]
        if refused:
            raise RecordsRefusedError(refused, "too large")
        error, written = self.fails.pop(0) if self.fails else (None, True)
        if written:
            self.there += made
            self.writes.append(([record.value for record in made], next_offset))
        if error:
            raise error

    async def read(self) -> dict[bytes, bytes]:
        self.reads += 1
        values: dict[bytes, bytes] = {}
        apply(values, [as_read(record) for record in self.there if record.topic == CHANGELOG.topic])
        return values

    def lane(self, topic: str, payloads: Payloads | None = None) -> StateLane:
        """A new lane."""
        before = self.lanes.get(topic)
        committed = before._committed if before else 0
        lane = self.lanes[topic] = StateLane(
            committed, cast(LaneWriter, self), self.table, payloads or Inline(),
            failing=FAILING, suspects=before.suspects if before else None,
        )  # fmt: skip
        return lane

    def told(self) -> list[bytes | None]:
        return [record.value for record in self.there if record.topic == TOLD]


@pytest.fixture
async def log() -> Log:
    return Log()


def records(topic: str, *values: bytes, first: int = 0, key: bytes = b"k") -> list[Incoming]:
    return [Incoming(topic, 3, first + at, 0, key, value, ()) for at, value in enumerate(values)]


async def run(lane: StateLane, until: Callable[[], bool]) -> None:
    """Runs until the condition is true or the lane fails."""
    running = asyncio.create_task(lane.run())
    try:
        async with asyncio.timeout(30):
            while not until():
                await asyncio.sleep(0.001)
                if running.done():
                    running.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


async def lives(log: Log, topic: str, fed: Sequence[Incoming], payloads: Payloads | None = None) -> int:
    """Restarts the lane like its host until all is committed. Returns the number of starts."""
    for life in range(1, 50):
        lane = log.lane(topic, payloads)
        if rest := [record for record in fed if record.offset >= lane._committed]:
            lane.feed(rest)
        with suppress(Exception):
            await run(lane, lambda: not lane.pending)  # noqa: B023
            return life
    raise AssertionError("does not end")


async def test_records_changes_and_position_are_one_write(log: Log) -> None:
    assert await lives(log, "asked", records("asked", b"1", b"2")) == 1
    assert log.writes == [([b"1", b"2", b"1", b"2"], 2)]
    assert log.changelog == CHANGELOG.topic
    assert log.settling == [["asked", "decided"]]


async def test_lanes_of_two_topics_count_together_one_at_a_time(log: Log) -> None:
    log.may_write.clear()
    first, second = log.lane("asked"), log.lane("decided")
    first.feed(records("asked", b"a"))
    second.feed(records("decided", b"b"))
    both = asyncio.gather(run(first, lambda: not first.pending), run(second, lambda: not second.pending))
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert len(log.saw) == 1  # the other one waits for the commit
    log.may_write.set()
    await both
    assert (log.told(), log.reads) == ([b"1", b"2"], 1)


@pytest.mark.parametrize("written", [True, False])
async def test_after_a_write_with_unknown_result_the_state_is_restored(log: Log, written: bool) -> None:
    log.fails = [(ConnectionError("lost"), written)]
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    with pytest.raises(ConnectionError):
        await run(lane, lambda: False)
    assert not lane.ready
    other = log.lane("decided")
    other.feed(records("decided", b"b"))
    await run(other, lambda: not other.pending)
    assert (log.told()[-1], log.reads, len(log.handlers)) == (b"2" if written else b"1", 2, 2)


async def test_a_revoked_lane_discards_its_state(log: Log) -> None:
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    log.may_write.clear()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await run(lane, lambda: False)
    log.may_write.set()
    assert not lane.ready
    other = log.lane("decided")
    other.feed(records("decided", b"b"))
    await run(other, lambda: not other.pending)
    assert (log.told(), log.reads) == ([b"1"], 2)


async def test_the_state_is_valid_for_one_membership(log: Log) -> None:
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    await run(lane, lambda: not lane.pending)
    log.there.append(Outgoing(CHANGELOG.topic, b"k", b"7", []))  # by who had it meanwhile, without a position
    assert lane.ready
    log.membership = Membership("g", "m", 3)
    assert not lane.ready
    lane.feed(records("asked", b"b", first=1))
    await run(lane, lambda: not lane.pending)
    assert log.told() == [b"1", b"8"]


@pytest.mark.parametrize("bad", [b"poison", b"large", b"keyless", b"astray", b"smuggled"])
async def test_a_failing_record_ends_alone_and_leaves_the_state_unchanged(log: Log, bad: bytes) -> None:
    took = await lives(log, "asked", records("asked", b"1", bad, b"2"))
    assert took == 4  # among others, alone twice, and given up
    assert log.told() == [b"1", b"2"]
    letters = [record for record in log.there if record.topic == TOPICS.dead.name]
    assert [record.value for record in letters] == [bad]
    assert (await log.read()) == {b"k": b"2"}


async def test_a_refused_state_change_ends_its_record(log: Log) -> None:
    log.limit = 1_000
    await lives(log, "asked", records("asked", b"1", b"long", b"2"))
    assert log.told() == [b"1", b"2"]
    assert [record.value for record in log.there if record.topic == TOPICS.dead.name] == [b"long"]


async def test_a_refused_records_replacement_is_made_again_after_a_restart(log: Log) -> None:
    """Another lane may have changed the state meanwhile."""
    log.limit = 1_000
    log.fails = [(ConnectionError("lost"), False)]
    fed = records("asked", b"wordy")
    for error in (RecordsRefusedError, ConnectionError):
        lane = log.lane("asked")
        lane.feed(fed)
        with pytest.raises(error):
            await run(lane, lambda: False)
    await lives(log, "decided", records("decided", b"b"))
    await lives(log, "asked", fed)
    assert (log.told(), await log.read()) == ([b"1"], {b"k": b"2"})
    assert len([record for record in log.there if record.topic == TOPICS.dead.name]) == 1


async def test_a_key_is_deleted_by_a_change_without_value(log: Log) -> None:
    await lives(log, "asked", records("asked", b"1", b"deleted", b"2"))
    assert log.told() == [b"1", b"2", b"1"]
    assert STATE_ENTRIES.labels(*CHANGELOG)._value.get() == 1


async def test_timers_write_with_the_unchanged_position(log: Log) -> None:
    asked: list[datetime] = []

    def due(now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        asked.append(now)
        if len(asked) > 3:
            return Effects()
        key, content = b"lease", b"%d" % len(asked)
        return Effects([Outgoing(TOLD, key, content, [])], [Outgoing(CHANGELOG.topic, key, content, [])])

    log.due = due
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    await run(lane, lambda: len(asked) > 3)
    assert log.writes == [([b"1", b"1"], 1)] + [([b"%d" % at] * 2, 1) for at in (1, 2, 3)]
    assert set(asked) == {NOW}


async def test_a_failing_timer_does_not_block_records(log: Log) -> None:
    tries = 0

    def due(now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        nonlocal tries
        tries += 1
        raise ValueError("a defect")

    log.due = due
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    await run(lane, lambda: not lane.pending)
    lane.feed(records("asked", b"b", first=1))
    await run(lane, lambda: not lane.pending)
    assert (log.told(), tries) == ([b"1", b"2"], 1)  # and the next time is a second later
    assert log.table.due_failed() == 2.0
    assert [log.table.due_failed() for _ in range(8)][-2:] == [60.0, 60.0]


async def test_a_refused_timer_is_postponed(log: Log) -> None:
    log.limit = 10
    log.due = lambda now, state: Effects([Outgoing(TOLD, b"k", b"x" * 11, [])])
    lane = log.lane("asked")
    lane.feed(records("asked", b"a"))
    await run(lane, lambda: not lane.pending and log.table.due_in_s > 0)
    assert log.told() == [b"1"]


async def test_large_values_are_fetched_for_the_handler_and_its_changes_stay_whole(log: Log) -> None:
    shelf = Shelf()
    check = claim_check(shelf)
    whole = routed(1, messages=[{"role": "user", "content": "x" * 5_000}])
    (stub,) = await check.deposit([Outgoing("asked", b"a", whole.value, list(whole.headers))])
    assert len(shelf.values) == 1
    await lives(log, "asked", [as_read(stub), *records("asked", b"long", first=1)], check)
    assert log.saw == [whole.value, b"long"]
    assert [record.value for record in log.there if record.topic == CHANGELOG.topic] == [b"1", b"x" * 5_000]
    assert len(shelf.values) == 1


def test_the_latest_change_counts_and_records_without_a_key_are_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    values = {b"old": b"1"}
    changes = [(b"a", b"1"), (b"b", b"1"), (None, b"?"), (b"a", b"2"), (b"b", None), (b"c", None)]
    made = [Outgoing(CHANGELOG.topic, key, value, []) for key, value in changes]
    apply(values, [as_read(record, offset) for offset, record in enumerate(made)])
    assert values == {b"old": b"1", b"a": b"2"}
    assert [entry.__dict__["fields"] for entry in caplog.records] == [{"origin": ("state", 0, 2)}]


def test_all_topics_need_the_same_number_of_partitions() -> None:
    see_alike(["a", "b"], ["b", "a", "a", "b"])
    with pytest.raises(PartitionsDifferError, match="a has 2, b has 1, c has 0") as raised:
        see_alike(["a", "b", "c"], ["a", "b", "a"])
    assert "pointsman topics apply" in raised.value.line


def test_a_failing_command_ends_no_job() -> None:
    record = routed(1)
    failing = Failing(TOPICS, stage="review", source="test", clock=lambda: NOW, asides=[record.topic])
    (letter,) = failing.fail(record, ValueError("a defect"))
    assert (letter.topic, dead.from_headers(dict(letter.headers)).offset) == (TOPICS.dead.name, record.offset)
    assert len(FAILING.fail(record, ValueError("a defect"))) == 2
