"""Each example decodes, matches its exported schema, and follows from the one before it."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from pointsman.bus.codec.decode import Decoded, Malformed, decode
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman_schemas import dead, envelope
from pointsman_schemas.catalog import MESSAGES, OUTCOMES
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.export.json_schema import ENVELOPE, PLAIN
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import JobSubmitted
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

SCHEMAS = Path(__file__).parents[3] / "schemas"
ALL = {path.stem: json.loads(path.read_text()) for path in sorted((SCHEMAS / "examples").glob("*.json"))}

#: What a service says of itself, and under which key; every other message is of the examples' one job.
OF_NO_JOB: dict[str, Callable[[Any], str]] = {
    "request.taken.v1": lambda value: str(value["digest"]),
    "file.kept.v1": lambda value: f"file/{value['file_id']}",
    "batch.submitted.v1": lambda value: f"submitted/{value['batch_id']}",
    "batch.cancel.v1": lambda value: f"cancel/{value['batch_id']}",
    "batch.changed.v1": lambda value: f"changed/{value['batch_id']}",
    "audit.checkpoint.v1": lambda value: "audit",
    "policy.applied.v1": lambda value: f"policy/{value['policy_version']}",
    "model.applied.v1": lambda value: f"model/{value['model']['sha256']}",
    "promise.broken.v1": lambda value: f"promise/{value['model']}",
    "promise.renewed.v1": lambda value: f"trust/{value['model']}",
    "agent.changed.v1": lambda value: f"agent/{value['agent']['id']}",
    "registry.changed.v1": lambda value: "rules",
    "registry.proposed.v1": lambda value: f"proposal/{value['proposal']}",
    "limit.declared.v1": lambda value: value["budget"],
    "limit.reserved.v1": lambda value: value["process"],
    "limit.settled.v1": lambda value: value["process"],
    "limit.paused.v1": lambda value: value["target"],
    "limit.resumed.v1": lambda value: value["target"],
    "limit.standing.v1": lambda value: value["process"],
    "breaker.counted.v1": lambda value: value["target"],
    "breaker.turned.v1": lambda value: value["target"],
}

#: Which example each one follows from, and the step that makes it.
FOLLOWS = {
    "job.routed.v1": ("job.submitted.v1", "routed"),
    "job.undecided.v1": ("job.submitted.v1", "undecided"),
    "call.finished.v1": ("job.routed.v1", "call:1"),
    "job.completed.v1": ("job.routed.v1", "outcome"),
    "job.failed.v1": ("job.routed.v1", "outcome"),
    "job.rejected.v1": ("job.submitted.v1", "outcome"),
    "job.expired.v1": ("job.routed.v1", "outcome"),
    "job.cancelled.v1": ("job.routed.v1", "outcome"),
    "review.requested.v1": ("job.routed.v1", "review"),
    "review.answered.v1": ("review.decide.v1", "answer"),
    "review.changed.v1": ("review.decide.v1", "case"),
}


def place(name: str) -> tuple[str, int, int]:
    """The example's topic, partition and offset."""
    where, _, offset = ALL[name]["record"].rpartition("@")
    topic, _, partition = where.rpartition("/")
    return topic, int(partition), int(offset)


def record(name: str) -> Incoming:
    """The example as read from Kafka."""
    example = ALL[name]
    value = (
        base64.b64decode(example["value_base64"])
        if "value_base64" in example
        else json.dumps(example["value"]).encode()
    )
    headers = tuple((header, text.encode()) for header, text in example["headers"].items())
    key = None if example["key"] is None else example["key"].encode()
    sent = datetime.fromisoformat(example["headers"].get("ce_time", "2026-03-12T09:14:05Z"))
    return Incoming(*place(name), int(sent.timestamp() * 1000), key, value, headers)


def cover(name: str) -> Envelope:
    parsed = envelope.from_headers(record(name).headers)
    assert parsed is not None
    return parsed


def fits(schema: str, value: Any) -> None:
    exported = json.loads((SCHEMAS / "json" / f"{schema}.json").read_text())
    Draft202012Validator.check_schema(exported)
    errors = Draft202012Validator(exported, format_checker=FormatChecker()).iter_errors(value)
    assert [error.message for error in errors] == []


def test_there_is_one_for_every_message_and_nothing_else() -> None:
    assert set(ALL) == {*MESSAGES, PLAIN, dead.TYPE}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_decodes_to_itself(name: str) -> None:
    decoded = decode(record(name))
    assert isinstance(decoded, Decoded), decoded
    assert type(decoded.message) is MESSAGES[name]
    assert json.loads(decoded.message.model_dump_json()) == ALL[name]["value"]
    assert decoded.envelope.type == name
    assert {header: text.decode() for header, text in decoded.envelope.to_headers()} == ALL[name]["headers"]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_fits_its_schema(name: str) -> None:
    fits(name, ALL[name]["value"])
    fits(ENVELOPE, ALL[name]["headers"])


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_stands_on_its_topic_under_its_key(name: str) -> None:
    topic = next(topic for topic in Topics().all(["frontier"]) if MESSAGES[name] in topic.carries)
    assert place(name)[0] == topic.name
    of_no_job = OF_NO_JOB.get(name)
    assert ALL[name]["key"] == (of_no_job(ALL[name]["value"]) if of_no_job else str(cover(name).job_id))


@pytest.mark.parametrize("name", FOLLOWS)
def test_a_message_follows_from_its_cause(name: str) -> None:
    cause, step = FOLLOWS[name]
    actual = cover(name)
    expected = envelope_after(
        cover(cause), place(cause), step=step, source=actual.source, type=name, time=actual.time
    )
    assert (actual.id, actual.causation_id) == (expected.id, expected.causation_id)
    assert (actual.job_id, actual.agent_id) == (expected.job_id, expected.agent_id)
    assert (actual.trace_id, actual.span_id) == (expected.trace_id, expected.span_id)
    assert actual.time > cover(cause).time


def test_all_tell_of_one_job() -> None:
    jobs = {cover(name).job_id for name in MESSAGES if name not in OF_NO_JOB}
    assert len(jobs) == 1
    assert {ALL[outcome.TYPE]["value"]["job_id"] for outcome in OUTCOMES} == {str(job) for job in jobs}
    assert ALL["job.routed.v1"]["value"]["job"] == {
        field: value for field, value in ALL["job.submitted.v1"]["value"].items() if field != "type"
    }
    assert ALL["call.finished.v1"]["value"]["response"] == ALL["job.completed.v1"]["value"]["response"]


def test_the_models_bytes_are_those_of_its_hash() -> None:
    model = ALL["model.applied.v1"]["value"]["model"]
    content = base64.b64decode(ALL["model.applied.v1"]["value"]["content"])
    assert hashlib.sha256(content).hexdigest() == model["sha256"]
    assert model["sha256"].startswith(model["version"])
    assert ALL["policy.applied.v1"]["value"]["model"] == model


def test_the_submitted_job_is_accepted_as_it_stands() -> None:
    accepted = decode_intake(record("job.submitted.v1"))
    assert isinstance(accepted, Accepted)
    assert accepted.job == JobSubmitted.model_validate(ALL["job.submitted.v1"]["value"]).job()
    assert accepted.cause == cover("job.submitted.v1")


def test_a_stranger_needs_no_envelope() -> None:
    fits(PLAIN, ALL[PLAIN]["value"])
    accepted = decode_intake(record(PLAIN))
    assert isinstance(accepted, Accepted)
    assert accepted.job.agent_id == ALL[PLAIN]["value"]["agent_id"]
    assert accepted.job.request.messages[0].content == ALL[PLAIN]["value"]["prompt"]
    assert accepted.job.request.model_extra == {"temperature": 0, "max_tokens": 5}


def test_the_dead_letter_says_why_and_keeps_the_bytes() -> None:
    fits("job.dead.v1.headers", ALL[dead.TYPE]["headers"])
    letter = dead.from_headers(dict(record(dead.TYPE).headers))
    origin = (letter.topic, letter.partition, letter.offset)
    assert letter.reason is Reason.NOT_JSON
    assert cover(dead.TYPE).id == derived_id(*origin, "dead")
    decoded = decode_intake(Incoming(*origin, 0, None, record(dead.TYPE).value, ()))
    assert isinstance(decoded, Malformed)
    assert decoded.reason is letter.reason
