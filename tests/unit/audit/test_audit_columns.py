"""Values that Postgres would refuse are replaced, and headers lose nothing."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.audit.records.columns import (
    agent_or_none,
    cost_or_none,
    count_or_none,
    header_pairs,
    payload_of,
    reason_text,
    time_or_none,
)


def read_back(part: Any) -> bytes | None:
    """The bytes of a stored header name or value."""
    if part is None:
        return None
    return b64decode(part["base64"]) if isinstance(part, dict) else part.encode()


@given(st.lists(st.tuples(st.text(), st.none() | st.binary() | st.text().map(str.encode))))
def test_every_header_can_be_read_back_in_order(headers: list[tuple[str, bytes]]) -> None:
    stored = header_pairs(tuple(headers))
    assert "\\u0000" not in stored.replace("\\\\", "")
    pairs = [(read_back(name), read_back(value)) for name, value in json.loads(stored)]
    assert pairs == [(name.encode(), value) for name, value in headers]


def test_plain_headers_read_as_text_and_others_as_base64() -> None:
    stored = header_pairs((("a", "Größe".encode()), ("b", b"\xff"), ("a", b"\0"), ("c", b"\\u0000")))
    assert json.loads(stored) == [
        ["a", "Größe"],
        ["b", {"base64": "/w=="}],
        ["a", {"base64": "AA=="}],
        ["c", "\\u0000"],
    ]


def test_a_header_name_with_half_a_surrogate_pair_is_kept() -> None:
    assert json.loads(header_pairs((("\ud800", b"x"),))) == [[{"base64": "7aCA"}, "x"]]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"no",
        b"\xff",
        b'{"a": NaN}',
        b'"\\ud800"',
        b'"\\u0000"',
        b"[" * 2000 + b"]" * 2000,
        b"1e400",
        b"{} {}",
    ],
)
def test_no_payload_without_json_that_postgres_accepts(value: bytes | None) -> None:
    assert payload_of(value) is None


def test_a_payload_is_the_unchanged_text() -> None:
    assert payload_of(b' {"b": 1.50, "a": "\\u00e9"} ') == ' {"b": 1.50, "a": "\\u00e9"} '


def test_a_time_that_no_zone_change_survives_is_left_out() -> None:
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    assert time_or_none(datetime(1, 1, 1, tzinfo=east)) is None
    assert time_or_none(datetime(9999, 12, 31, 23, tzinfo=west)) is None
    assert time_or_none(datetime(2026, 1, 1, 14, tzinfo=east)) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "1e-20000", "1e200000", "-1e101"])
def test_an_amount_beyond_numeric_is_left_out(cost: str) -> None:
    assert cost_or_none(Decimal(cost)) is None


@pytest.mark.parametrize("cost", ["0", "0.000123", "1e-30", "12345678901234567890.5"])
def test_an_amount_is_kept_exactly(cost: str) -> None:
    assert cost_or_none(Decimal(cost)) == Decimal(cost)


def test_counts_keep_to_their_column() -> None:
    assert count_or_none(2**31 - 1, 2**31 - 1) == 2**31 - 1
    assert count_or_none(2**31, 2**31 - 1) is None
    assert count_or_none(None, 5) is None


def test_an_agent_id_has_the_form_of_one() -> None:
    assert agent_or_none("billing") == "billing"
    assert agent_or_none("a\0b") is None
    assert agent_or_none("") is None
    assert agent_or_none(None) is None


def test_a_reason_may_quote_anything_and_is_cut() -> None:
    assert reason_text("type 'a\0\ud800'") == "type 'a\\0\\ud800'"
    assert len(reason_text("x" * 100_000)) == 2_000
