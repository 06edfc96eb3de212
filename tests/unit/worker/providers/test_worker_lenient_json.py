"""Answers that are not strict JSON, or that Postgres cannot store, are read as far as possible."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.json import parse_object
from pointsman.worker.providers.lenient_json import MOST_DEPTH, read_json


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'{"a": "x\\u0000y"}', {"a": "x\ufffdy"}),
        (b'{"a\\u0000": 1}', {"a\ufffd": 1}),
        (b'{"a": "x\0y"}', {"a": "x\ufffdy"}),
        (b'{"a": "line\nbreak\ttab"}', {"a": "line\nbreak\ttab"}),
        (
            b'{"a": "\\ud83d", "b": "\\ude00\\ud83d", "c": "\\ud83d\\ude00"}',
            {"a": "\ufffd", "b": "\ufffd\ufffd", "c": "😀"},
        ),
        (b'{"a": "\xff\xfe"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": -Infinity, "b": NaN, "c": Infinity, "d": 1e999}', dict.fromkeys("abcd")),
        (b'{"a": 12345678901234567890123}', {"a": 1.2345678901234568e22}),
        (b'{"a": -9223372036854775809, "b": NaN}', {"a": -9223372036854775808.0, "b": None}),
        (b'{"a": 18446744073709551615, "b": NaN}', {"a": 18446744073709551615, "b": None}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": None}),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b', "b": "[{"}', {"b": "[{"}),
    ],
)
def test_values_that_no_record_can_hold_are_replaced_and_the_rest_is_kept(content: bytes, value: Any) -> None:
    parsed, changed = read_json(content)
    assert changed
    assert {name: item for name, item in parsed.items() if name in value} == value
    assert parse_object(orjson.dumps({"response": parsed}))


@pytest.mark.parametrize(
    "content", [b"", b" ", b"<html>", b'{"a": ', b'{"a": 1} x', b"data: {}\n\n", b"[" * 100_000]
)
def test_invalid_json_is_reported(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(content)


@pytest.mark.parametrize("more", [0, 1])
def test_depth_is_counted_with_the_message_around_it(more: int) -> None:
    depth = MOST_DEPTH - 1 + more
    parsed, changed = read_json(b'{"a": ' + b"[" * depth + b"]" * depth + b"}")
    assert changed == bool(more)
    assert parse_object(orjson.dumps({"a": {"b": {"c": {"d": parsed}}}}))


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from("abc"), JSON))
def test_valid_values_are_not_changed(value: dict[str, Any]) -> None:
    assert read_json(json.dumps(value).encode()) == (value, False)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text('[]{}",:\\u0dnN-1e', max_size=60).map(str.encode))
def test_any_input_is_json_or_a_value_error(content: bytes) -> None:
    try:
        parsed, _ = read_json(content)
    except ValueError:
        return
    assert parse_object(orjson.dumps({"response": parsed}))
