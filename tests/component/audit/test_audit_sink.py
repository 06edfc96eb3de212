"""Records reach the audit table unchanged, completely and once."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from pointsman.audit.handlers import Sink
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.position_store import MovedError, UnavailableError
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.connect import open_pool
from tests.support.bus.bad_records import BAD
from tests.support.bus.example_records import NAMES, TOPICS, example, story
from tests.support.store.audit_store import APPLICATION, audit_pool, observer
from tests.support.store.privacy import store

pytestmark = pytest.mark.stack

INTAKE = TOPICS.intake.name
LANE = (INTAKE, 0)
NOW = datetime(2026, 3, 12, 9, 15, tzinfo=UTC)
MILLISECONDS = int(NOW.timestamp() * 1000)
#: Unused partitions: each example gets lanes of its own.
UNUSED = count()


def intake(offset: int, value: bytes | None, headers: Any = (), key: bytes | None = None) -> Incoming:
    return Incoming(INTAKE, 0, offset, MILLISECONDS - 1_500, key, value, tuple(headers))


def good(offset: int) -> Incoming:
    return intake(offset, b'{"agent_id": "math-tutor", "prompt": "What is 2 + %d?"}' % offset)


@asynccontextmanager
async def sink_into(dsn: str) -> AsyncIterator[Sink]:
    async with audit_pool(dsn) as pool:
        yield Sink(AuditWriter(pool), TOPICS, lambda: NOW)


async def stored(dsn: str) -> list[Any]:
    async with observer(dsn) as connection:
        return await connection.fetch('select * from audit.message order by topic, partition, "offset"')


def read_back(part: Any) -> bytes | None:
    if part is None:
        return None
    return b64decode(part["base64"]) if isinstance(part, dict) else part.encode()


def same(row: Any, record: Incoming) -> bool:
    """Whether the row has everything of the record."""
    headers = [(read_back(name), read_back(value)) for name, value in json.loads(row["headers"])]
    return (row["key"], row["value"], headers) == (
        record.key,
        record.value,
        [(name.encode("utf-8", "surrogatepass"), value) for name, value in record.headers],
    )


async def test_every_topic_s_records_are_stored_as_they_were(database: str) -> None:
    records = [replace(example(name), offset=offset) for offset, name in enumerate(NAMES)]
    batches: dict[tuple[str, int], list[Incoming]] = {}
    for record in records:
        batches.setdefault((record.topic, record.partition), []).append(record)
    async with sink_into(database) as sink:
        await store(sink, records)
        positions = await sink.positions(list(batches), {})
    assert positions == {place: batch[-1].offset + 1 for place, batch in batches.items()}
    rows = await stored(database)
    by_place = {record.origin: record for record in records}
    assert len(rows) == len(by_place)
    assert all(same(row, by_place[row["topic"], row["partition"], row["offset"]]) for row in rows)
    assert all(row["unreadable"] is None for row in rows)


async def test_bad_records_are_stored_and_do_not_block_others(database: str) -> None:
    records: list[Any] = []
    for bad in BAD:
        records.append(good(len(records)))
        records.append(intake(len(records), bad.value, bad.headers, bad.key))
    async with sink_into(database) as sink:
        await store(sink, records)
    rows = await stored(database)
    assert len(rows) == len(records)
    assert all(same(row, record) for row, record in zip(rows, records, strict=True))
    assert all(row["unreadable"] is None and row["payload"] for row in rows[0::2])
    # Values that Postgres refuses were detected before, so that no batch had to be split.
    refused = [row for row in rows if (row["unreadable"] or "").startswith("Postgres refused it")]
    assert [(row["offset"], row["unreadable"]) for row in refused] == []


HEADER_NAMES = st.text(min_size=1) | st.sampled_from(
    ["ce_id", "ce_type", "ce_time", "ce_source", "ce_agentid"]
)
VALUES = (
    st.none()
    | st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ).map(lambda value: json.dumps({"agent_id": "a", "prompt": "x", "metadata": value}).encode())
)


@st.composite
def strange(draw: st.DrawFn) -> Incoming:
    """A record with arbitrary content that Kafka accepts."""
    topic = draw(st.sampled_from([INTAKE, TOPICS.dead.name, TOPICS.calls.name, TOPICS.results.name]))
    headers = draw(
        st.lists(st.tuples(HEADER_NAMES, st.none() | st.binary() | st.text().map(str.encode)), max_size=6)
    )
    enveloped = draw(st.booleans())
    return Incoming(
        topic,
        0,
        0,
        draw(st.integers(-(2**63), 2**63 - 1)),
        draw(st.none() | st.binary(max_size=20)),
        draw(VALUES),
        (*([("ce_specversion", b"1.0")] if enveloped else []), *headers),  # type: ignore[arg-type]
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(strange(), min_size=1, max_size=30))
def test_arbitrary_records_are_stored_unchanged(database: str, records: list[Incoming]) -> None:
    batches: dict[tuple[str, int], list[Incoming]] = {}
    partition = next(UNUSED)
    for record in records:
        batch = batches.setdefault((record.topic, partition), [])
        batch.append(replace(record, partition=partition, offset=len(batch)))

    async def check() -> None:
        async with sink_into(database) as sink:
            await store(sink, [record for batch in batches.values() for record in batch])
        rows = [row for row in await stored(database) if row["partition"] == partition]
        assert len(rows) == len(records)
        for row in rows:
            assert same(row, batches[row["topic"], partition][row["offset"]])
            assert not (row["unreadable"] or "").startswith(("internal", "Postgres refused it"))

    asyncio.run(check())


async def test_a_number_that_postgres_refuses_costs_only_the_payload(database: str) -> None:
    tiny = b'{"agent_id": "a", "prompt": "x", "metadata": {"n": 0.%s1}}' % (b"0" * 20_000)
    async with sink_into(database) as sink:
        await store(sink, [good(0), intake(1, tiny), good(2)])
    first, row, last = await stored(database)
    assert row["value"] == tiny
    assert row["payload"] is None
    assert row["unreadable"].startswith("bad_number")
    assert first["payload"]
    assert last["payload"]


async def test_a_place_that_moved_is_told_in_the_reader_s_words(database: str) -> None:
    async with sink_into(database) as sink:
        await store(sink, [good(0), good(1)])
        with pytest.raises(MovedError, match=r"jobs\.intake/0.*is 2, expected was 1"):
            await store(sink, [good(1), good(2)], 1)
    assert [row["offset"] for row in await stored(database)] == [0, 1]


async def test_missing_migrations_are_waited_for(database: str, unused_tcp_port: int) -> None:
    for dsn, message in (
        (database, "pointsman db migrate"),
        (f"postgresql://me@127.0.0.1:{unused_tcp_port}/x", "not available"),
    ):
        pool = await open_pool(dsn, application=APPLICATION)
        sink = Sink(AuditWriter(pool), TOPICS, lambda: NOW)
        with pytest.raises(UnavailableError, match=message):
            await sink.positions([LANE], {})
        with pytest.raises(UnavailableError, match=message):
            await store(sink, [good(0)])
        await pool.close()


async def test_only_stored_records_are_counted(database: str) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    def counted() -> list[float]:
        return [
            value("pointsman_audit_rows_total", topic=INTAKE),
            value("pointsman_audit_bytes_total", topic=INTAKE),
            value("pointsman_audit_delay_seconds_count"),
            value("pointsman_audit_delay_seconds_sum"),
        ]

    before = counted()
    async with sink_into(database) as sink:
        await store(sink, [good(0), intake(1, None)])
        with pytest.raises(MovedError):
            await store(sink, [good(0)])
    gained = [after - earlier for after, earlier in zip(counted(), before, strict=True)]
    assert gained == pytest.approx([2, len(good(0).value or b""), 2, 3.0])


async def test_the_three_clocks_and_the_writer_are_told_apart(database: str) -> None:
    produced = NOW - timedelta(hours=1)
    submitted = story(0, produced)[0]
    late = replace(submitted, timestamp_ms=MILLISECONDS)
    async with sink_into(database) as sink:
        await store(sink, [late])
    (row,) = await stored(database)
    assert (row["produced_at"], row["broker_at"]) == (produced, NOW)
    assert row["recorded_at"] > NOW
    assert row["source"] == row["agent_id"]
