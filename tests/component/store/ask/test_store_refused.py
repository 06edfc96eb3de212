"""A value that Postgres refuses costs a row its payload or columns, never its bytes or other rows."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.append.row import Row
from tests.support.store.audit_store import audit_pool, observer, row

pytestmark = pytest.mark.stack

LANE: StoredPartition = ("t", 0)

PAYLOADS = {
    "nul": '{"a": "\\u0000"}',
    "lone surrogate": '"\\ud800"',
    "surrogate in the text": '"\ud800"',
    "NaN": '{"a": NaN}',
    "huge number": "1e200000",
    "endless digits": "9" * 140_000,
    "depth": "[" * 100_000 + "]" * 100_000,
    "control character": '"\x01"',
    "raw nul": '"\0"',
    "nothing": "",
    "no text at all": 7,
}

COLUMNS: dict[str, Any] = {
    "agent_id": "a\0b",
    "model": "\ud800",
    "status": 3,
    "attempt": 2**31,
    "tokens_in": 2**63,
    "cost_usd": Decimal("1e-20000"),
    "duration_ms": "soon",
    "produced_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    "job_id": "no id",
    "headers": "[",
    "unreadable": "\0",
}


async def stored(dsn: str) -> list[Any]:
    async with observer(dsn) as connection:
        return await connection.fetch('select * from audit.message order by "offset"')


async def append(dsn: str, batch: list[Row]) -> None:
    async with audit_pool(dsn) as pool:
        await AuditWriter(pool).append(batch, {LANE: Move(None, len(batch))})


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
async def test_a_refused_payload_is_left_out_with_the_reason(database: str, payload: Any) -> None:
    bad = row(1, payload=payload, kind="k", agent_id="a")
    await append(database, [row(0, payload='{"good": 0}'), bad, row(2, payload='{"good": 2}')])
    first, refused, last = await stored(database)
    assert (first["payload"], last["payload"]) == ('{"good": 0}', '{"good": 2}')
    assert (first["unreadable"], last["unreadable"]) == (None, None)
    assert refused["payload"] is None
    assert refused["unreadable"].startswith("Postgres refused it: ")
    assert (refused["kind"], refused["agent_id"], refused["value"]) == ("k", "a", b"1")


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_refused_column_leaves_the_bytes_and_the_reason(database: str, column: str) -> None:
    bad = row(1, **{"value": b"\0\xff", "key": b"k", column: COLUMNS[column]})
    await append(database, [row(0), bad, row(2)])
    first, refused, last = await stored(database)
    assert (first["unreadable"], last["unreadable"]) == (None, None)
    assert (refused["value"], refused["key"], refused[column] if column != "unreadable" else None) == (
        b"\0\xff",
        b"k",
        "[]" if column == "headers" else None,
    )
    assert refused["broker_at"] == bad.broker_at
    assert refused["unreadable"].startswith("Postgres refused it: ")


async def test_many_refused_rows_in_a_batch_cost_nothing_else(database: str) -> None:
    bad = {3, 4, 77, 199}
    payload = {True: "NaN", False: "{}"}
    await append(database, [row(offset, payload=payload[offset in bad]) for offset in range(200)])
    rows = await stored(database)
    assert [stored_row["offset"] for stored_row in rows] == list(range(200))
    assert {stored_row["offset"] for stored_row in rows if stored_row["unreadable"]} == bad
    assert all(stored_row["value"] == b"%d" % stored_row["offset"] for stored_row in rows)


async def test_a_batch_of_nothing_but_refused_rows_is_stored(database: str) -> None:
    await append(database, [row(offset, payload="NaN", model="\0") for offset in range(33)])
    assert all(stored_row["unreadable"] for stored_row in await stored(database))


async def test_a_moved_position_is_detected_for_a_refused_batch_too(database: str) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await writer.append([row(0, payload="NaN")], {LANE: Move(None, 1)})
        await writer.append([row(1, payload="NaN")], {LANE: Move(1, 2)})
        assert await writer.positions([LANE]) == {LANE: 2}
    assert [stored_row["offset"] for stored_row in await stored(database)] == [0, 1]


async def test_the_third_clock_is_the_database_s_own(database: str) -> None:
    await append(database, [row(0, broker_at=datetime(2001, 1, 1, tzinfo=UTC))])
    async with observer(database) as connection:
        age = await connection.fetchval("select clock_timestamp() - recorded_at from audit.message")
    assert timedelta(0) <= age < timedelta(minutes=5)
