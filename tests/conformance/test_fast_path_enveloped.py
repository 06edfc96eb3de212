"""The fast path and the full path agree on jobs in an envelope."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Outgoing
from pointsman.client.job import as_record, make_job
from tests.support.bus.record_log import Log, read
from tests.support.router.fast_path import needs_library
from tests.support.router.fast_path_whole import PLACE, assert_the_same, id_of, known, opened, value
from tests.support.router.router_lanes import NOW, TOPICS, handler

pytestmark = needs_library


def sent(number: int, **fields: Any) -> Outgoing:
    """A job as `pointsman.client` sends it."""
    body = {"agent_id": "data-analyst", "kind": "sql", "job_id": id_of(number).decode(), **fields}
    job = make_job(body, {}, None, NOW, largest=1_000_000)
    return as_record(job, TOPICS, NOW)


def assert_by_the_full_path(record: Outgoing) -> None:
    log = Log(end=2_000)
    log.add_sent([record])
    batches = read(log, place=PLACE)
    whole = known().handle_batches(batches)
    assert whole is not None
    (read_one,) = opened(batches)
    assert list(unpacked(whole.made)) == handler().handle_records([read_one])


def test_jobs_of_our_client_give_the_same_result() -> None:
    log = Log(end=1_000)
    log.add_sent([sent(number, prompt="p" * number) for number in range(1, 40)])
    log.add([value(60)], plain=True)
    log.add_sent([sent(50, messages=TALK, temperature=0.5)])
    assert assert_the_same(read(log, place=PLACE)) == 41


#: What else may stand in the place of a header's value, and of a field of the body.
UUIDS = [b"01890000-0000-7000-8000-00000000000f", b"01890000-0000-7000-8000-00000000000F", b"01890000", b""]
VALUES: dict[str, list[bytes]] = {
    "ce_specversion": [b"1.1"],
    "ce_id": UUIDS,
    "ce_source": [b"else", b"", b"\xff", b"a\0", "ä".encode() * 256, b"x" * 257],
    "ce_type": [b"job.submitted.v1", b"pointsman.job.routed.v1", b"pointsman.job.submitted.v2"],
    "ce_time": [
        b"2028-02-29T23:59:59.999999Z", b"2030-02-29T00:00:00.000000Z", b"2030-04-31T00:00:00.000000Z",
        b"2030-12-31T24:00:00.000000Z", b"2030-12-31T00:60:00.000000Z", b"2030-12-31T00:00:60.000000Z",
        b"2030-00-01T00:00:00.000000Z", b"2030-13-01T00:00:00.000000Z", b"2030-01-00T00:00:00.000000Z",
        b"0000-01-01T00:00:00.000000Z", b"2100-02-29T00:00:00.000000Z", b"2000-02-29T00:00:00.000000Z",
        b"2030-01-31T12:00:00Z", b"2030-01-31T12:00:00.000000+01:00", b"2030-01-31", b"now", b"",
    ],
    "ce_agentid": [b"math-tutor", b""],
    "content-type": [b"text/plain"],
    "ce_subject": [b"else", b"\xff"],
    "ce_jobid": UUIDS,
    "traceparent": [
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", b"00-0-0-01", b"\xff", b"",
    ],
}  # fmt: skip
TALK = [{"role": "user", "content": "u"}]
FIELDS: dict[str, list[object]] = {
    "type": ["job.routed.v1", "pointsman.job.submitted.v1", None, 1],
    "job_id": [None, "x", UUIDS[0].decode()],
    "agent_id": [None, "math-tutor", ""],
    "kind": ["code", None, ""],
    "deadline": ["2030-01-31T12:00:00Z", "2020-01-31T12:00:00Z", 5],
    "order_key": ["o", ""],
    "metadata": [{"data_subject": "she"}, {"a": 1}, None, []],
    "request": [
        {}, None, [], {"messages": []}, {"prompt": "p"}, {"messages": TALK, "prompt": "p"},
        {"temperature": 0.5, "messages": TALK, "tools": [1], "version": 3},
        {"messages": TALK, "type": "x", "deadline": 3, "request": {}, "n": [[1]]},
    ],
    "prompt": ["p"], "messages": [TALK], "temperature": [0.5], "version": [1, 2],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, others in VALUES.items() for other in others]
)
def test_any_other_header_value_gives_the_same_result(name: str, other: bytes) -> None:
    usual = sent(60, prompt="p" * 30)
    assert_by_the_full_path(
        replace(usual, headers=[(key, other if key == name else text) for key, text in usual.headers])
    )


@pytest.mark.parametrize("name", list(VALUES))
def test_any_other_order_of_headers_gives_the_same_result(name: str) -> None:
    usual = sent(60, prompt="p" * 30)
    own = [header for header in usual.headers if header[0] == name]
    others = [header for header in usual.headers if header[0] != name]
    for headers in (others, own + others, others + own, usual.headers + own, [*usual.headers, ("x", b"y")]):
        assert_by_the_full_path(replace(usual, headers=headers))


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, others in FIELDS.items() for other in others]
)
def test_any_other_field_gives_the_same_result(name: str, other: object) -> None:
    usual = sent(60, prompt="p" * 30)
    body = {**json.loads(usual.value or b""), name: other}
    for record in (
        replace(usual, value=json.dumps(body).encode()),
        replace(usual, value=json.dumps(body).encode(), headers=[]),
        replace(usual, value=json.dumps({name: other, **body}).encode()),
    ):
        assert_by_the_full_path(record)
    without = json.dumps({field: body[field] for field in body if field != name}).encode()
    assert_by_the_full_path(replace(usual, value=without))


@pytest.mark.parametrize("name", list(VALUES))
def test_any_other_header_name_gives_the_same_result(name: str) -> None:
    usual = sent(60, prompt="p" * 30)
    renamed = [(f"x-{key}" if key == name else key, text) for key, text in usual.headers]
    assert_by_the_full_path(replace(usual, headers=renamed))


TWICE = ['"n":1,"n":2', '"messages":[{"role":"user","content":"v"}]', '"tools":[1],"tools":[]']


@pytest.mark.parametrize("more", TWICE)
def test_a_repeated_name_gives_the_same_result(more: str) -> None:
    usual = sent(60, prompt="p" * 30)
    text = (usual.value or b"").decode().replace('"messages":', f'{more},"messages":')
    assert_by_the_full_path(replace(usual, value=text.encode()))


ASKED = ['"prompt":"p"', '"messages":[{"role":"user","content":"u"}]', '"temperature":0.5', '"request":{}']


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("more", ["", ',"prompt":"p"', ',"messages":[{"role":"user","content":"u"}]'])
def test_repeated_or_missing_requests_give_the_same_result(asked: str, more: str) -> None:
    for fields in (asked + more, (more + "," + asked)[1:] if more else asked):
        plain = f'{{"agent_id":"data-analyst","kind":"sql",{fields}}}'
        assert_by_the_full_path(Outgoing("", None, plain.encode(), []))


@pytest.mark.parametrize("day", ["2028-02-29", "2000-02-29", "2030-02-28", "2030-01-31", "2030-04-30"])
def test_jobs_of_every_day_take_the_fast_path(day: str) -> None:
    usual = sent(60, prompt="p" * 30)
    time = f"{day}T23:59:59.000000Z".encode()
    log = Log(end=1_000)
    log.add_sent([replace(usual, headers=[(n, time if n == "ce_time" else v) for n, v in usual.headers])])
    assert assert_the_same(read(log, place=PLACE)) == 1


def test_a_key_of_another_partition_gives_the_same_result() -> None:
    for key in (None, b"", b"elsewhere", id_of(61)):
        assert_by_the_full_path(replace(sent(60, prompt="p" * 30), key=key))
