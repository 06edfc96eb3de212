"""Digests and chain hashes have the format of docs/audit-integrity.md, which must never change."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.audit.records.columns import header_pairs
from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.chain import follow, genesis
from pointsman.store.append.record import record_digest, stored_headers
from pointsman.store.verify.walk import digest_of
from tests.support.bus.example_records import NAMES, TOPICS, example
from tests.support.store.audit_store import row

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HEADERS = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=4)


def test_the_digest_is_of_these_bytes() -> None:
    written = (
        b"pointsman record 1\n"
        b"\x00\x00\x00\x01t" + b"\x00\x00\x00\x02" + b"\x00\x00\x00\x00\x00\x00\x00\x03"
        b"\x00\x00\x00\x00\x00\x00\x00\x04" + b"\xff\xff\xff\xff" + b"\x00\x00\x00\x01v"
        b"\x00\x00\x00\x02"
        + b"\x00\x00\x00\x01h"
        + b"\x00\x00\x00\x00"
        + b"\x00\x00\x00\x01n"
        + b"\xff\xff\xff\xff"
    )
    assert record_digest(("t", 2, 3), 4, None, b"v", [("h", b""), ("n", None)]) == sha256(written).digest()


def test_the_link_is_of_these_bytes() -> None:
    record = row(
        3,
        job_id=UUID(int=1),
        attempt=2,
        cost_usd=Decimal("1.50"),
        duration_ms=0.1,
        broker_at=NOON,
        payload="{}",
        unreadable="why",
    )
    columns: list[Any] = [None] * 17 + ["1.50", "0.1", None, *["2026-03-12T12:00:00+00:00"] * 2, True, "why"]
    columns[2], columns[7] = str(UUID(int=1)), 2
    text = json.dumps(columns, separators=(",", ":")).encode()
    before = genesis("t", 0, 0)
    assert before == sha256(b"pointsman chain 1\nt\n0\n0\n").digest()
    assert follow(before, record, NOON) == sha256(before + record.record_sha256 + text).digest()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({"cost_usd": Decimal("1E+2")}, {"cost_usd": Decimal("100")}),
        ({"cost_usd": Decimal("-0.0")}, {"cost_usd": Decimal("0.0")}),
        ({"produced_at": NOON.astimezone(timezone(timedelta(hours=5)))}, {"produced_at": NOON}),
    ],
)
def test_values_that_postgres_normalises_have_the_same_link(
    written: dict[str, Any], kept: dict[str, Any]
) -> None:
    one, other = (follow(b"", row(3, broker_at=NOON, **changes), NOON) for changes in (written, kept))
    assert one == other


@pytest.mark.parametrize(
    "changes",
    [
        {"cost_usd": Decimal("1.0")},
        {"cost_usd": Decimal("1.00")},
        {"duration_ms": 0.0},
        {"duration_ms": -0.0},
        {"agent_id": ""},
        {"payload": "{}"},
        {"unreadable": "x"},
        {"tokens_in": 0},
        {"produced_at": NOON},
    ],
)
def test_no_two_rows_have_the_same_link(changes: dict[str, Any]) -> None:
    assert follow(b"", row(3, broker_at=NOON, **changes), NOON) != follow(b"", row(3, broker_at=NOON), NOON)


@given(HEADERS, HEADERS, st.none() | st.binary(max_size=5), st.none() | st.binary(max_size=5))
def test_no_two_records_have_the_same_digest(
    headers: Any, others: Any, key: bytes | None, value: bytes | None
) -> None:
    place = ("t", 0, 0)
    digest = record_digest(place, 0, key, value, headers)
    assert (digest == record_digest(place, 0, key, value, others)) is (headers == others)
    assert (digest == record_digest(place, 0, value, key, headers)) is (key == value)


@given(HEADERS)
def test_stored_headers_are_the_headers_again(headers: list[tuple[str, bytes | None]]) -> None:
    assert stored_headers(header_pairs(tuple(headers))) == headers  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_everything_that_its_digest_covers(name: str) -> None:
    record: Incoming = replace(example(name), timestamp_ms=2**62)
    made = row_of(record, TOPICS)
    assert digest_of(made) == made.record_sha256
    assert digest_of(made._replace(timestamp_ms=0)) != made.record_sha256
