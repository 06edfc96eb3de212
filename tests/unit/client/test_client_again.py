"""Resubmitting a job: the same request under a new id, with a reference to the first."""

import json
from datetime import UTC, datetime
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.client.replaying import again, as_found, read_again
from pointsman_schemas.envelope import from_headers
from pointsman_schemas.topics import Topics

NOW = datetime(2026, 5, 1, tzinfo=UTC)
FIRST = UUID("0190a000-0000-7000-8000-000000000001")
CAUSE = UUID("0190a000-0000-7000-8000-000000000002")
BODY = {"job_id": str(FIRST), "agent_id": "billing", "prompt": "Hello", "kind": "chat", "temperature": 0.2}


def record(headers: tuple[tuple[str, bytes], ...] = (), **fields: object) -> Incoming:
    return Incoming(
        "t.jobs.intake", 0, 7, 1_770_000_000_000, b"k", json.dumps({**BODY, **fields}).encode(), headers
    )


def test_a_repetition_has_the_same_request_and_names_its_cause() -> None:
    job = read_again(record(deadline="2026-02-01T00:00:00Z", metadata={"team": "a"}, order_key="o"))
    assert not isinstance(job, Malformed)
    made, sent = again(job, CAUSE, Topics(), NOW)
    read = decode_intake(Incoming(sent.topic, 0, 0, 0, sent.key, sent.value, tuple(sent.headers)))
    assert isinstance(read, Accepted)
    assert read.job == made
    assert made.job_id.version == 7
    assert made.job_id != FIRST
    assert made.metadata == {"team": "a", "replay_of": str(FIRST)}
    assert made.deadline is None
    assert (made.request, made.kind, made.order_key, made.agent_id) == (job.request, "chat", "o", "billing")
    cover = from_headers(sent.headers)
    assert cover is not None
    assert (cover.causation_id, cover.job_id) == (CAUSE, made.job_id)


def test_a_repetition_of_a_repetition_names_the_one_before() -> None:
    job = read_again(record(metadata={"replay_of": "earlier"}))
    assert not isinstance(job, Malformed)
    assert again(job, None, Topics(), NOW)[0].metadata == {"replay_of": str(FIRST)}


def test_metadata_with_the_maximum_number_of_entries_is_unchanged() -> None:
    full: dict[str, object] = {str(place): place for place in range(64)}
    job = read_again(record(metadata=full))
    assert not isinstance(job, Malformed)
    assert again(job, None, Topics(), NOW)[0].metadata == full


def test_a_dead_letter_is_read_by_the_headers_that_it_had() -> None:
    body = {name: value for name, value in BODY.items() if name != "agent_id"}
    own = [("ce_specversion", b"1.0"), ("ce_id", str(CAUSE).encode()), ("ce_agentid", b"billing")]
    own += [("ce_source", b"s"), ("ce_type", b"pointsman.job.submitted.v1")]
    of_the_letter = [("ce_agentid", b"unknown"), ("ce_reason", b"internal")]
    headers = (*of_the_letter, *((f"orig_{name}", text) for name, text in own))
    letter = Incoming("t.jobs.dead", 0, 1, 0, None, json.dumps(body).encode(), headers)
    job = read_again(as_found(letter))
    assert not isinstance(job, Malformed)
    assert job.agent_id == "billing"
    assert isinstance(read_again(letter), Malformed)
