"""The native reader and the models make the same audit row of every record."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.audit.records import rows
from pointsman.audit.records.message_columns import COLUMN_PATHS
from pointsman.audit.records.one_pass import KINDS, in_one_pass
from pointsman.audit.records.schemas import node_of
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.row import Row
from pointsman_schemas.base import Message
from tests.support.bus.bad_records import BAD, Bad
from tests.support.bus.example_records import NAMES, TOPICS, example, story
from tests.support.router.fast_path import needs_library

pytestmark = needs_library

NOW = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)
INTAKE = TOPICS.intake.name
STORY = story(1, NOW)
PLAIN = replace(example("job.plain.v1"), topic=INTAKE)


def ended(name: str) -> Incoming:
    record = example(name)
    headers = dict(record.headers) | {"ce_time": b"2026-03-12T09:14:05.482000Z"}
    return replace(record, headers=tuple(headers.items()))


#: What each job has of records.
USUAL = [
    replace(STORY[0], value=json.dumps(json.loads(STORY[0].value or b"") | {"deadline": None}).encode()),
    *STORY[1:],
    PLAIN,
    *map(ended, ("job.failed.v1", "job.expired.v1", "job.cancelled.v1")),
]

#: What may stand in any path: no JSON at all, what readers see differently, the wrong type of anything.
VALUES: list[bytes] = [
    b"null", b"true", b"false", b"0", b"-0", b"-0.0", b"1", b"-1", b"1.0", b"0.5", b"1e5", b"1E-7",
    b"01", b"+1", b".5", b"1.", b"0e99999", b"1e400", b"1e-20000", b"NaN", b"-Infinity",
    b"9007199254740993", b"999999999999999999", b"9999999999999999999", b"18446744073709551616",
    b"2147483648", b"0.1234567890123456789", b"53.61136300052749", b"1" * 400, b'""', b'" "', b'"x"',
    b'"1"', b'"-1.5"', b'"1e5"', b'"NaN"', b'"true"', b'"ok"', b'"small"', b'"Small"', b'"answer"',
    b'"a b"', b'"\xc3\xa4"', b'"\xf0\x9f\x98\x80"', b'"\\u00e4"', b'"\\ud83d\\ude00"', b'"\\ud83d"',
    b'"\\ude00\\ud83d"', b'"\\u0000"', b'"a\\u0000b"', b'"\0"', b'"\n"', b'"\\n"', b'"\\q"', b'"\\"',
    b'"a', b'"\xff"', b'"\xed\xa0\x80"', b'"2026-01-31T12:00:00.000001Z"', b'"2026-01-31T12:00:00Z"',
    b'"2026-02-30T12:00:00.000000Z"', b'"2026-01-31T12:00:00.000000+01:00"',
    b'"0000-01-01T00:00:00.000000Z"', b'"9999-12-31T23:59:59.999999Z"',
    b'"0190a000-0000-7000-8000-00000000beef"', b'"0190A000-0000-7000-8000-00000000BEEF"',
    b'"0190a00000007000800000000000beef"', b'"urn:uuid:0190a000-0000-7000-8000-00000000beef"',
    b'"' + b"x" * 64 + b'"', b'"' + b"x" * 300 + b'"', b"[]", b"{}", b"[1]", b'["x"]', b'[{}]',
    b'[{"a":1}]', b"[[]]", b'{"a":1}', b'{"a":1,"a":2}', b'{"a":{"b":[null]}}', b'{"":0}',
    b'{"\\u0061":1}', b'{"a":"\\u0000"}', b'{"\\u0000":1}', b"[" * 30 + b"]" * 30, b"[" * 70 + b"]" * 70,
    b"[" * 2_000 + b"]" * 2_000, b'{"a":' * 70 + b"1" + b"}" * 70, b"[1,]", b'{"a":1,}', b"nul", b"",
    b" ", b"{1:2}", b"'x'", b"/**/1", b"\xef\xbb\xbf1", b'{"a":NaN}', b'[1e5]', b"[9999999999999999999]",
]  # fmt: skip
HEADERS: dict[str, list[bytes | None]] = {
    "ce_specversion": [b"1.1", b"", None],
    "ce_id": [
        b"0190A000-0000-7000-8000-00000000BEEF", b"{0190a000-0000-7000-8000-00000000beef}", b"7", b"",
        None,
    ],
    "ce_source": [
        b"else", b"", b"\xff", b"a\0", "ä".encode() * 256, b"x" * 256, b"x" * 257, b'a"b', b"a\\b",
        b"a\nb", None,
    ],
    "ce_type": [
        b"pointsman.job.completed.v1", b"call.finished.v1", b"pointsman.call.finished.v2",
        b"pointsman.x.v1", b"", None,
    ],
    "ce_time": [
        b"2028-02-29T23:59:59.999999Z", b"2030-02-29T00:00:00.000000Z", b"2030-01-31T12:00:00Z",
        b"2030-01-31", b"2030-01-31T12:00:00.000000+01:00", b"0001-01-01T00:00:00.000000Z",
        b"9999-12-31T23:59:59.999999Z", b"", None,
    ],
    "ce_agentid": [b"math-tutor", b"", b"\0", b"unknown", None],
    "content-type": [b"text/plain", b"application/cloudevents+json", b"\xff", b"\0", None],
    "ce_subject": [b"else", b"\xff", b"\0", None],
    "ce_jobid": [
        b"0190a000-0000-7000-8000-00000000beef", b"0190A000-0000-7000-8000-00000000BEEF", b"x", b"",
        None,
    ],
    "ce_causationid": [b"0190a000-0000-7000-8000-00000000beef", b"x", b"", None],
    "ce_attempt": [b"1", b"0", b"007", b"999999", b"1000000", b"-1", "٣".encode(), b" 1", b"", None],
    "ce_datasubject": [b"she", b"", b"x" * 256, b"x" * 257, b"a\0", None],
    "ce_dataref": [b"sha256:0", b"", None],
    "ce_signature": [b"ed25519:x", b"", None],
    "ce_more": [b"x", b"\xff", None],
    "traceparent": [
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", b"00-0-0-01", b"-" * 60, b"\xff",
        b"", None,
    ],
    "x": [b"x", b"\xff", b"\0", b"x" * 17_000, None],
    "\ud800": [b"x"],
}  # fmt: skip


def by_models(record: Incoming) -> Row:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "in_one_pass", lambda *_, **__: None)
        return rows.row_of(record, TOPICS)


def assert_the_same(record: Incoming) -> None:
    row, other = rows.row_of(record, TOPICS), by_models(record)
    assert row == other
    assert [(type(value), str(value)) for value in row] == [(type(value), str(value)) for value in other]


def is_read(record: Incoming) -> bool:
    return in_one_pass(record, is_submitted=record.topic == INTAKE) is not None


@pytest.mark.parametrize("record", USUAL, ids=[record.topic for record in USUAL])
def test_the_common_records_of_a_job_are_read_in_one_pass(record: Incoming) -> None:
    assert is_read(record), record.value
    assert_the_same(record)
    assert_the_same(replace(record, key=None, seed="another", by_broker=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_message_makes_the_same_row(name: str) -> None:
    for topic in (example(name).topic, INTAKE, TOPICS.calls.name, TOPICS.dead.name):
        assert_the_same(replace(example(name), topic=topic))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_records_of_other_clients_make_the_same_row(bad: Bad) -> None:
    for record in (PLAIN, *STORY):
        assert_the_same(replace(record, key=bad.key, value=bad.value, headers=bad.headers))
        assert_the_same(replace(record, value=bad.value))


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from paths(item, (*path, step))


def with_other(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The document with `other` in one path."""
    if not path:
        return other
    inner = with_other(value[path[0]], path[1:], other)
    if isinstance(value, dict):
        return {**value, path[0]: inner}
    return [*value[: path[0]], inner, *value[path[0] + 1 :]]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("record", USUAL, ids=[record.topic for record in USUAL])
def test_any_value_in_any_place_makes_the_same_row(record: Incoming) -> None:
    body = json.loads(record.value or b"")
    for path in paths(body):
        text = json.dumps(with_other(body, path, "@@"), ensure_ascii=False).encode()
        for other in VALUES:
            assert_the_same(replace(record, value=text.replace(b'"@@"', other)))


@pytest.mark.parametrize("record", USUAL, ids=[record.topic for record in USUAL])
def test_any_name_too_many_or_too_few_makes_the_same_row(record: Incoming) -> None:
    body = json.loads(record.value or b"")
    for path in paths(body):
        node = at(body, path)
        if not isinstance(node, dict):
            continue
        text = json.dumps(with_other(body, path, "@@"), ensure_ascii=False).encode()
        inner = json.dumps(node)[1:-1]
        for name, value in node.items():
            own = json.dumps({name: value})[1:-1]
            less = json.dumps({other: node[other] for other in node if other != name})
            escaped = own.replace(name, f"\\u{ord(name[0]):04x}{name[1:]}", 1) if name else own
            for changed in (
                less, f"{{{own},{inner}}}", f"{{{inner},{own}}}", f'{{{inner},"{name}":null}}',
                f'{{"{name}":1,{inner}}}', f"{{{escaped},{inner}}}", f"{{{inner},{escaped}}}",
                f'{{{inner},"more":[]}}', json.dumps(dict(reversed(node.items())), indent=1),
                f"{less[:-1]}{',' if node.keys() - {name} else ''}{escaped}}}",
            ):  # fmt: skip
                assert_the_same(replace(record, value=text.replace(b'"@@"', changed.encode())))


@pytest.mark.parametrize("record", USUAL, ids=[record.topic for record in USUAL])
def test_any_header_makes_the_same_row(record: Incoming) -> None:
    usual = list(record.headers)
    for name, others in HEADERS.items():
        own, rest = [pair for pair in usual if pair[0] == name], [pair for pair in usual if pair[0] != name]
        orders: list[list[tuple[str, Any]]] = [rest, own + rest, rest + own, usual + own]
        orders += [[*usual, (name, other)] for other in others]
        orders += [[*rest, (name, other)] for other in others]
        orders += [[(key, other if key == name else text) for key, text in usual] for other in others]
        for headers in orders:
            assert_the_same(replace(record, headers=tuple(headers)))
    for count in (50, 64, 65):
        assert_the_same(
            replace(record, headers=(*usual, *((f"h{n}", b"x") for n in range(count - len(usual)))))
        )


@given(st.integers(0, len(USUAL) - 1), st.integers(0, 5_000), st.integers(0, 3), st.binary(max_size=3))
def test_bytes_changed_anywhere_make_the_same_row(which: int, path: int, cut: int, put: bytes) -> None:
    record = USUAL[which]
    value = record.value or b""
    path %= len(value)
    assert_the_same(replace(record, value=value[:path] + put + value[path + cut :]))


def parts_of(node: object, path: str = "") -> Iterator[tuple[str, str, int | None]]:
    """Path, name and slot."""
    match node:
        case (bytes() as name, inner, bool(), int() | None as slot):
            path = f"{path}.{name.decode()}".removeprefix(".")
            yield path, "field", slot
            yield from parts_of(inner, path)
        case (str() as called, *inner):
            yield path, called, None
            yield from parts_of(inner, path)
        case list():
            for inner in node:
                yield from parts_of(inner, path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_has_a_field_in_a_known_schema(kind: type[Message]) -> None:
    paths = {path for column in COLUMN_PATHS[kind].values() for path in column if path[0] != "="}
    slots = {path: slot for slot, path in enumerate(sorted(paths))}
    parts = list(parts_of(node_of(kind, slots)))
    assert {path: slot for path, _, slot in parts if slot is not None} == slots
    unknown = [path for path, called, _ in parts if called == "never"]
    assert all(path.startswith(("decision.cascade.", "decision.review.")) for path in unknown)


def test_a_record_without_a_value_is_left_to_the_models() -> None:
    assert in_one_pass(replace(PLAIN, value=None), is_submitted=True) is None
