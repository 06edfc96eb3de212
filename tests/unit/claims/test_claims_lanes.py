"""Large values in lanes: stored before they are published; lanes wait while the store is down."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.batch_lane import BatchLane
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.claims.waiting import Room, Waiting
from pointsman.client import Client
from pointsman_schemas.claims import DATAREF
from tests.support.bus.claim_stores import Shelf, as_read, claim_check
from tests.support.bus.failing import FAILING
from tests.support.worker.routed_jobs import routed

#: Whoever does not wait for a put has long gone on by then, seconds.
LONG_S = 0.2


def large(offset: int) -> Incoming:
    return routed(offset, messages=[{"role": "user", "content": "x" * 5_000}])


def published(record: Incoming) -> Outgoing:
    return Outgoing(record.topic, record.key, record.value, list(record.headers))


def made_of(record: Incoming) -> Outgoing:
    """A handler's result: another value of the same size."""
    value = (record.value or b"").replace(b"xxx", b"xyx", 1)
    return Outgoing(record.topic, record.key, value, list(record.headers)[:7])


async def on_kafka(shelf: Shelf, offset: int) -> Incoming:
    (sent,) = await claim_check(shelf).deposit([published(large(offset))])
    return as_read(sent, offset)


def dangling(records: Sequence[Outgoing], shelf: Shelf) -> list[Outgoing]:
    """Records that refer to values that are not in the store."""
    refers = [(record, dict(record.headers).get(DATAREF)) for record in records]
    return [record for record, ref in refers if ref and ref.decode()[-64:] not in shelf.values]


class Copying:
    """A handler that writes what it reads, and keeps the values."""

    def __init__(self) -> None:
        self.saw: list[bytes | None] = []
        self.remembered: list[Incoming] = []

    def remember_records(self, records: Sequence[Incoming]) -> None:
        self.remembered += records

    def remember_batch(self, batch: RecordBatch) -> bool:
        return False

    def handle_batches(self, batches: Sequence[RecordBatch]) -> None:
        raise AssertionError("it takes records")

    def fail(self, record: Incoming) -> list[Outgoing]:
        raise AssertionError("nothing fails")

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        self.saw += [record.value for record in records]
        return [made_of(record) for record in records]


class Writer:
    """Records what a lane writes, and whether each value was stored before."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.wrote: list[Outgoing] = []
        self.dangling: list[Outgoing] = []
        self.next_offset = 0

    async def write(
        self, records: list[Outgoing], next_offset: int, metadata: str = "", *, alone: bool = False
    ) -> None:
        self.wrote += records
        self.dangling += dangling(records, self._shelf)
        self.next_offset = next_offset


def lane_of(handler: Copying, writer: Writer, check: ClaimCheck) -> BatchLane:
    return BatchLane(0, 0, cast(LaneWriter, writer), handler, check, failing=FAILING)


async def until(condition: Callable[[], bool], running: "asyncio.Task[Any]") -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
            if running.done():
                running.result()


async def test_a_router_s_lane_handles_whole_values_and_writes_none_before_it_is_stored() -> None:
    shelf, handler = Shelf(), Copying()
    writer = Writer(shelf)
    lane = lane_of(handler, writer, claim_check(shelf))
    small = routed(1)
    records = [await on_kafka(shelf, 0), small, await on_kafka(shelf, 2)]
    shelf.slow_s = LONG_S
    lane.feed(records)
    running = asyncio.create_task(lane.run())
    await until(lambda: writer.next_offset == 3, running)
    running.cancel()
    assert handler.saw == [large(0).value, small.value, large(2).value]
    assert writer.dangling == []
    assert [DATAREF in dict(record.headers) for record in writer.wrote] == [True, False, True]
    assert writer.wrote[1].value == small.value


async def test_a_router_s_lane_continues_after_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.claims.claim_check._BATCH_BYTES", 1)
    shelf, handler = Shelf(), Copying()
    writer = Writer(shelf)
    lane = lane_of(handler, writer, claim_check(shelf))
    lane.feed([await on_kafka(shelf, offset) for offset in range(4)])
    running = asyncio.create_task(lane.run())
    await until(lambda: writer.next_offset == 4, running)
    running.cancel()
    assert handler.saw == [large(offset).value for offset in range(4)]
    assert lane.pending == 0


async def test_a_router_s_lane_fails_when_the_store_is_unavailable() -> None:
    shelf, handler = Shelf(), Copying()
    writer = Writer(shelf)
    records = [await on_kafka(shelf, 0)]
    shelf.away = True
    lane = lane_of(handler, writer, claim_check(shelf))
    lane.feed(records)
    with pytest.raises(ClaimsUnavailableError):  # its host opens it anew, from the committed position
        await asyncio.wait_for(lane.run(), 10)
    assert (writer.wrote, handler.saw) == ([], [])


async def test_what_a_lane_warms_up_with_can_be_read_without_the_store() -> None:
    shelf, handler = Shelf(), Copying()
    lane = BatchLane(0, 1, cast(LaneWriter, Writer(shelf)), handler, claim_check(shelf), failing=FAILING)
    record = await on_kafka(shelf, 0)
    shelf.away = True
    lane.feed([record])
    assert b'"claim"' not in (handler.remembered[0].value or b"")
    assert handler.remembered[0].key == record.key


def answering(saw: list[Incoming]) -> Callable[[Incoming], Awaitable[list[Outgoing]]]:
    async def handle(record: Incoming) -> list[Outgoing]:
        saw.append(record)
        return [made_of(record)]

    return handle


async def test_a_worker_waits_for_its_store_and_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.claims.waiting._FIRST_PAUSE_S", 0.001)
    shelf, saw = Shelf(), list[Incoming]()
    record = await on_kafka(shelf, 0)
    shelf.away, shelf.asked = True, 0
    handler = Waiting(answering(saw), claim_check(shelf))
    large_one = asyncio.create_task(handler(record))
    await until(lambda: shelf.asked > 2, large_one)
    small = routed(1)
    assert await handler(small)  # goes on meanwhile
    assert saw == [small]
    shelf.away, shelf.slow_s = False, LONG_S
    made = await asyncio.wait_for(large_one, 10)
    assert saw[1].value == large(0).value
    assert dangling(made, shelf) == []
    assert DATAREF in dict(made[0].headers)


async def test_a_worker_s_answer_waits_for_the_store_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.claims.waiting._FIRST_PAUSE_S", 0.001)
    shelf, saw = Shelf(), list[Incoming]()
    shelf.away = True
    answer = asyncio.create_task(Waiting(answering(saw), claim_check(shelf))(large(0)))
    await until(lambda: shelf.asked > 2, answer)
    shelf.away = False
    assert dangling(await asyncio.wait_for(answer, 10), shelf) == []
    assert len(saw) == 1  # the provider is not asked again


async def test_loaded_bytes_are_limited() -> None:
    room, inside, most = Room(10), 0, 0

    async def work(size: int) -> None:
        nonlocal inside, most
        async with room.reserved(size):
            inside += min(size, 10)
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= min(size, 10)

    await asyncio.wait_for(asyncio.gather(*(work(size) for size in (4, 6, 3, 100, 1, 9, 4) * 5)), 10)
    assert most == 10
    assert inside == 0


async def test_a_client_stores_a_job_before_it_publishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_CLAIMS_ABOVE_BYTES", "2000")
    shelf, left = Shelf(), list[bool]()
    shelf.slow_s = LONG_S
    monkeypatch.setattr("pointsman.claims.opened.open_store", lambda url: shelf)
    client = Client(kafka="127.0.0.1:9", claims="file:///nowhere", agent_id="a")

    async def publish(records: list[Outgoing]) -> None:
        left.extend(DATAREF in dict(record.headers) for record in records)
        assert dangling(records, shelf) == []

    monkeypatch.setattr(client.__dict__["_publisher"], "publish", publish)
    await client.publish_many([{"prompt": "x" * 5_000}, {"prompt": "x"}])
    assert left == [True, False]
    shelf.away = True
    with pytest.raises(ClaimsUnavailableError):
        await client.publish(prompt="x" * 5_000)
    assert len(left) == 2
