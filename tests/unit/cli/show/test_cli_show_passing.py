"""Display of records in `tail`, as a line and as JSON; no record breaks it."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.emit import dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.cli.jobs.tail import TOPICS as TAILED
from pointsman.cli.show.passing import draw, long_topic, read, short_topic, whole
from pointsman_schemas.base import Message
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import short_id
from pointsman_schemas.jobs import JobCancel
from pointsman_schemas.outcomes import JobFailed
from pointsman_schemas.reasons import FailReason, Reason
from pointsman_schemas.topics import Topics

TOPICS = Topics("p")
JOB = UUID("01920000-0000-7000-8000-000000000001")
NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


def record(topic: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Incoming:
    return Incoming(topic, 0, 7, 1_893_456_000_000, None, value, headers)


def sent(out: Outgoing) -> Incoming:
    return record(out.topic, out.value, tuple(out.headers))


def covered(topic: str, message: Message) -> Incoming:
    cover = first_envelope(JOB, source="s", type=message.TYPE, time=NOW, agent_id="billing", job_id=JOB)
    made = emit(TOPICS.results, b"k", cover, message)
    return record(topic, made.value, tuple(made.headers))


def test_a_plain_job_is_shown() -> None:
    seen = read(record("p.jobs.intake", b'{"agent_id": "a", "prompt": "Why?", "kind": "sql"}'), TOPICS)
    assert (seen.topic, seen.word, seen.agent, seen.text) == ("intake", "submitted", "a", "(sql) Why?")


def test_an_outcome_says_why() -> None:
    failed = JobFailed(
        job_id=JOB, agent_id="billing", tier="small", attempts=3, cost_usd=None,
        reason=FailReason.RATE_LIMITED, message="429 three times",
    )  # fmt: skip
    seen = read(covered(TOPICS.results.name, failed), TOPICS)
    assert (seen.topic, seen.word, seen.job_id) == ("results", "failed", JOB)
    assert seen.text == "rate_limited: 429 three times"


def test_a_command_says_its_reason() -> None:
    seen = read(
        covered(TOPICS.control.name, JobCancel(job_id=JOB, agent_id="billing", reason="enough")), TOPICS
    )
    assert (seen.topic, seen.word, seen.text) == ("control", "cancel", "enough")


def test_a_dead_letter_says_what_was_wrong_with_it() -> None:
    bad_record = record("p.jobs.intake", b"\xff")
    letter = DeadLetter(Reason.NOT_UTF8, "byte 0 of the value is not UTF-8", "router", "p.jobs.intake", 0, 7)
    seen = read(
        sent(dead_letter(TOPICS.dead, bad_record, letter, cause=None, source="router", now=NOW)), TOPICS
    )
    assert (seen.topic, seen.word) == ("dead", "dead")
    assert seen.text == "not_utf8: byte 0 of the value is not UTF-8"


@pytest.mark.parametrize("topic", ["p.jobs.intake", "p.jobs.tier.small", "p.calls", "p.jobs.dead", "other"])
@given(value=st.none() | st.binary(), name=st.text(max_size=8), header=st.binary(max_size=8))
def test_no_record_breaks_the_tail(topic: str, value: bytes | None, name: str, header: bytes) -> None:
    odd_record = record(topic, value, (("ce_specversion", b"1.0"), (name, header)))
    assert draw(read(odd_record, TOPICS), 80).cell_len <= 80
    json.dumps(whole(odd_record), default=str)


@pytest.mark.parametrize("width", [80, 120, 250])
def test_a_line_fits_and_keeps_ids_complete(width: int) -> None:
    value = json.dumps({"agent_id": "a" * 60, "prompt": "long " * 200, "job_id": str(JOB)}).encode()
    line = draw(read(record("p.jobs.intake", value), TOPICS), width)
    assert width - 15 <= line.cell_len <= width
    assert short_id(JOB) in line.plain


def test_json_has_the_escaped_value() -> None:
    assert whole(record("t", b'{"a": 1}'))["value"] == {"a": 1}
    assert whole(record("t", b"plain"))["value_text"] == "plain"
    assert whole(record("t", b"\xff"))["value_base64"] == "/w=="
    assert whole(record("t", None))["value"] is None


def test_topics_by_short_and_by_whole_name() -> None:
    names = ["intake", "calls", "tier.small", "p.jobs.tier.small", "p.jobs.dead"]
    assert [long_topic(name, TOPICS) for name in names] == [
        "p.jobs.intake", "p.calls", "p.jobs.tier.small", "p.jobs.tier.small", "p.jobs.dead",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["call", "tier.", "tier", "q.jobs.intake", ""])
def test_an_unknown_topic_lists_the_existing_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"there are tier.<tier>, intake"):
        long_topic(name, TOPICS)


def test_the_help_of_tail_lists_every_topic() -> None:
    declared = {short_topic(topic.name, TOPICS) for topic in TOPICS.all(["<tier>"])}
    assert set(TAILED) == declared
