"""A record becomes a row with typed columns and unchanged bytes, whatever it contains."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.audit.records import rows as rows_module
from pointsman.audit.records.message_columns import MessageColumns, columns_of
from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.emit import dead_letter
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.control.checkpoints import CheckpointSigned
from pointsman_schemas.control.gateway_requests import RequestTaken
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import derived_id
from pointsman_schemas.reasons import Reason
from tests.support.bus.bad_records import BAD, Bad
from tests.support.bus.example_records import NAMES, TOPICS, example, story, story_id

NOW = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)
INTAKE, DEAD = TOPICS.intake.name, TOPICS.dead.name
#: What all jobs are decided by, or how the record stood.
OF_NO_JOB = {
    message.TYPE
    for message in (
        PolicyApplied,
        ModelApplied,
        PromiseBroken,
        PromiseRenewed,
        CheckpointSigned,
        AgentChanged,
        RegistryChanged,
        RegistryProposed,
        FileKept,
        BatchSubmitted,
        BatchCancel,
        BatchChanged,
    )
}
JOB = UUID("0190a000-0000-7000-8000-00000000beef")


def intake(value: bytes | None, *headers: tuple[str, bytes], offset: int = 7) -> Incoming:
    return Incoming(INTAKE, 1, offset, 1_773_306_840_123, b"k", value, headers)


def letter(record: Incoming, cause: Envelope | None) -> Incoming:
    """A service's dead letter for the record."""
    why = DeadLetter(Reason.NOT_JSON, "not JSON", "router", *record.origin)
    sent = dead_letter(TOPICS.dead, record, why, cause=cause, source="pointsman/router", now=NOW)
    return Incoming(sent.topic, 0, 3, 1_773_306_841_000, sent.key, sent.value, tuple(sent.headers))


@pytest.mark.parametrize("name", NAMES)
def test_each_message_keeps_its_bytes_and_says_what_it_is(name: str) -> None:
    record = example(name)
    row = row_of(record, TOPICS)
    assert row.kind == {"job.plain.v1": "job.submitted.v1"}.get(name, name)
    assert row.unreadable is None
    assert (row.topic, row.partition, row.offset) == record.origin
    assert (row.key, row.value) == (record.key, record.value)
    assert [(pair[0], pair[1].encode()) for pair in json.loads(row.headers)] == list(record.headers)
    assert row.message_id is not None
    assert row.source


def test_every_type_of_the_catalogue_has_facts() -> None:
    for name, kind in MESSAGES.items():
        message = kind.model_validate_json(example(name).value or b"")
        columns = columns_of(message)
        if name.startswith(("limit.", "breaker.")):
            continue  # what worker processes agree on among themselves
        if kind in (JobChunk, RequestTaken):
            continue  # what a topic of minutes has is not audited
        assert columns != MessageColumns() or name in OF_NO_JOB - {
            PolicyApplied.TYPE,
            AgentChanged.TYPE,
            RegistryChanged.TYPE,
            RegistryProposed.TYPE,
        }, name
        if name in OF_NO_JOB:
            continue
        assert columns.job_id is not None, name
        # What people say of a case names them; whose job it is stands in the envelope.
        assert columns.agent_id is not None or hasattr(message, "by"), name


def test_a_call_has_its_figures_and_an_outcome_does_not_repeat_them() -> None:
    submitted, routed, called, ended = (row_of(record, TOPICS) for record in story(1, NOW))
    body = json.loads(called.value or b"")
    assert called.cost_usd == Decimal(body["cost_usd"])
    assert (called.tokens_in, called.tokens_out) == (
        body["usage"]["input_tokens"],
        body["usage"]["output_tokens"],
    )
    assert (called.tier, called.provider, called.model, called.attempt, called.status) == (
        body["tier"],
        body["provider"],
        body["model_answered"],
        body["attempt"],
        body["status"],
    )
    assert called.duration_ms == body["duration_ms"]
    assert ended.status == "completed"
    assert (ended.cost_usd, ended.tokens_in, ended.tokens_out) == (None, None, None)
    assert routed.rule
    assert routed.policy_version
    assert routed.causation_id == submitted.message_id
    assert {row.job_id for row in (submitted, routed, called, ended)} == {story_id(1)}
    assert {row.trace_id for row in (submitted, routed, called, ended)} == {story_id(1).hex}


@pytest.mark.parametrize(
    ("name", "status", "error_type"),
    [
        ("job.failed.v1", "failed", None),
        ("job.rejected.v1", "rejected", None),
        ("job.expired.v1", "expired", "deadline_passed"),
        ("job.cancelled.v1", "cancelled", None),
    ],
)
def test_an_outcome_has_status_and_reason(name: str, status: str, error_type: str | None) -> None:
    row = row_of(example(name), TOPICS)
    assert row.status == status
    assert row.error_type == json.loads(row.value or b"").get("reason", error_type)


def test_a_plain_job_gets_the_routers_ids_and_no_producer_time() -> None:
    record = intake(b'{"agent_id": "math-tutor", "prompt": "What is 2 + 2?"}')
    accepted = decode_intake(record)
    assert isinstance(accepted, Accepted)
    row = row_of(record, TOPICS)
    assert (row.job_id, row.message_id) == (accepted.job.job_id, accepted.cause.id)
    assert (row.agent_id, row.source, row.kind) == ("math-tutor", "math-tutor", "job.submitted.v1")
    assert row.produced_at is None
    assert row.broker_at == datetime(2026, 3, 12, 9, 14, 0, 123_000, UTC)


def test_the_audit_does_not_limit_size() -> None:
    row = row_of(intake(b'{"agent_id": "a", "prompt": "%s"}' % (b"x" * 2_000_000)), TOPICS)
    assert row.kind == "job.submitted.v1"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_record_keeps_its_bytes(bad: Bad) -> None:
    record = Incoming(INTAKE, 0, 1, 0, bad.key, bad.value, bad.headers)
    row = row_of(record, TOPICS)
    assert (row.key, row.value) == (bad.key, bad.value)
    assert len(json.loads(row.headers)) == len(bad.headers)
    assert (row.kind is None) == (row.unreadable is not None)
    if row.unreadable is not None:
        assert row.unreadable.partition(": ")[0] in set(Reason)


def test_readable_parts_of_a_malformed_record_are_kept() -> None:
    row = row_of(intake(b'{"agent_id": "a", "job_id": "%s", "prompt": 3}' % str(JOB).encode()), TOPICS)
    assert row.kind is None
    assert row.unreadable == "wrong_type: prompt: must be a text"
    assert (row.job_id, row.agent_id) == (JOB, "a")
    assert json.loads(row.payload or "")["prompt"] == 3


def test_one_of_our_own_messages_that_is_broken_keeps_what_its_envelope_says() -> None:
    record = story(1, NOW)[2]
    row = row_of(Incoming(*record.origin, 0, None, b"{", record.headers), TOPICS)
    assert row.kind is None
    assert row.unreadable is not None
    assert row.unreadable.startswith("not_json: ")
    assert row.job_id == story_id(1)
    assert row.agent_id is not None
    assert row.causation_id is not None


def test_a_record_without_envelope_belongs_to_nobody() -> None:
    row = row_of(Incoming(TOPICS.results.name, 0, 1, 0, None, b'{"a": 1}', ()), TOPICS)
    assert (row.job_id, row.agent_id, row.message_id, row.kind) == (None, None, None, None)
    assert row.payload == '{"a": 1}'


def test_a_dead_letter_is_decoded_even_if_its_value_is_not() -> None:
    record = intake(b"\xff\0 no JSON at all")
    row = row_of(letter(record, None), TOPICS)
    assert (row.kind, row.status, row.error_type) == ("job.dead.v1", "dead", "not_json")
    assert (row.unreadable, row.payload, row.agent_id, row.job_id) == (None, None, None, None)
    assert row.value == record.value
    assert row.message_id == derived_id(*record.origin, "dead")


def test_a_dead_letter_belongs_to_the_job_of_the_record_it_was() -> None:
    plain = intake(b'{"agent_id": "math-tutor", "prompt": "What is 2 + 2?"}')
    accepted = decode_intake(plain)
    assert isinstance(accepted, Accepted)
    with_cause, without = (row_of(letter(plain, cause), TOPICS) for cause in (accepted.cause, None))
    assert (with_cause.job_id, with_cause.agent_id) == (accepted.job.job_id, "math-tutor")
    assert (without.job_id, without.agent_id) == (accepted.job.job_id, "math-tutor")
    assert with_cause.causation_id == accepted.cause.id


def test_a_dead_letter_of_one_of_our_messages_is_read_by_its_own_headers() -> None:
    record = story(1, NOW)[1]
    row = row_of(letter(record, None), TOPICS)
    assert row.job_id == story_id(1)


@pytest.mark.parametrize(
    ("drop", "why"),
    [
        ("ce_reason", "missing header 'ce_reason'"),
        ("ce_origin", "missing header 'ce_origin'"),
        ("ce_type", "header ce_type is missing"),
        ("ce_specversion", "ce_specversion is None"),
    ],
)
def test_an_invalid_dead_letter_is_kept_and_marked(drop: str, why: str) -> None:
    dead_record = letter(intake(b"{}"), None)
    headers = tuple(pair for pair in dead_record.headers if pair[0] != drop)
    row = row_of(Incoming(*dead_record.origin, 0, None, b"{}", headers), TOPICS)
    assert row.kind is None
    assert row.unreadable is not None
    assert row.unreadable.startswith(f"not a dead letter: {why}")


@pytest.mark.parametrize("timestamp", [-1, -(2**63), 2**63 - 1, 0, 253_402_300_799_999])
def test_any_kafka_timestamp_gives_a_date(timestamp: int) -> None:
    assert row_of(Incoming(INTAKE, 0, 1, timestamp, None, None, ()), TOPICS).broker_at.tzinfo is UTC


def test_an_internal_error_costs_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rows_module, "decode_intake", broken)
    row = row_of(intake(b"{}", ("h", b"v")), TOPICS)
    assert row.value == b"{}"
    assert row.headers == '[["h","v"]]'
    assert row.unreadable == "internal: RuntimeError('a bug')"


_TOPIC = st.sampled_from([INTAKE, DEAD, TOPICS.results.name, TOPICS.calls.name, f"{TOPICS.prefix}.other"])
_ATTRIBUTE = st.sampled_from(
    ["ce_id", "ce_type", "ce_time", "ce_source", "ce_agentid", "ce_jobid", "ce_attempt", "ce_reason"]
)
_HEADER = st.tuples(_ATTRIBUTE | st.text(), st.none() | st.binary() | st.text().map(str.encode))


@given(
    topic=_TOPIC,
    timestamp=st.integers(-(2**63), 2**63 - 1),
    value=st.none()
    | st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers() | st.floats(), lambda x: st.dictionaries(st.text(), x)
    ).map(lambda value: json.dumps(value).encode()),
    headers=st.lists(_HEADER, max_size=8),
    enveloped=st.booleans(),
)
def test_every_record_becomes_a_row(
    topic: str, timestamp: int, value: bytes | None, headers: list[Any], enveloped: bool
) -> None:
    all_headers = ([("ce_specversion", b"1.0")] if enveloped else []) + headers
    row = row_of(Incoming(topic, 0, 0, timestamp, None, value, tuple(all_headers)), TOPICS)
    assert row.value == value
    assert not (row.unreadable or "").startswith("internal")
