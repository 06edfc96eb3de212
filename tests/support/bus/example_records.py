"""The example messages of the schemas as records."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.envelope import envelope_after, first_envelope
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import JobRouted, JobSubmitted
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.topics import Topics

TOPICS = Topics()
NAMES = sorted(path.stem for path in (Path(__file__).parents[3] / "schemas" / "examples").glob("*.json"))


def example(name: str) -> Incoming:
    """The example as read from Kafka, two milliseconds after it was produced."""
    text = (Path(__file__).parents[3] / "schemas" / "examples" / f"{name}.json").read_text()
    body = json.loads(text)
    where, _, offset = body["record"].rpartition("@")
    topic, _, partition = where.rpartition("/")
    at = datetime.fromisoformat(body["headers"].get("ce_time", "2026-03-12T09:14:05Z"))
    value = (
        base64.b64decode(body["value_base64"])
        if "value_base64" in body
        else json.dumps(body["value"]).encode()
    )
    return Incoming(
        topic,
        int(partition),
        int(offset),
        int(at.timestamp() * 1000) + 2,
        None if body["key"] is None else body["key"].encode(),
        value,
        tuple((header, text.encode()) for header, text in body["headers"].items()),
    )


def story(number: int, start: datetime | None = None, **changes: Any) -> list[Incoming]:
    """Submitted, routed, called, completed: the records of one job, each at offset `number` of its topic.

    `changes` are fields of the call.
    """
    at = (start or datetime.now(UTC)).replace(microsecond=0)
    job_id = derived_id("story", 0, number, "job")
    submitted = _changed(JobSubmitted, "job.submitted.v1", job_id=job_id)
    routed = _changed(JobRouted, "job.routed.v1")
    routed = routed.model_copy(update={"job": submitted.job()})
    own = {"job_id": job_id, "started_at": at + timedelta(seconds=1), "duration_ms": 1000.0}
    called = _changed(CallFinished, "call.finished.v1", **own | changes)
    ended = _changed(JobCompleted, "job.completed.v1", job_id=job_id)
    messages = [submitted, routed, called, ended]
    tier = TOPICS.tier(routed.decision.tier)
    cause = first_envelope(
        derived_id("story", 0, number, "submitted"),
        source=submitted.agent_id,
        type=submitted.type,
        time=at,
        agent_id=submitted.agent_id,
        job_id=job_id,
    )
    records = []
    topics = [TOPICS.intake, tier, TOPICS.calls, TOPICS.results]
    for step, (topic, message) in enumerate(zip(topics, messages, strict=True)):
        time = at + timedelta(seconds=step)
        cover = cause
        if step:
            cover = envelope_after(
                cause, (topic.name, 0, number), step="next", source="test", type=message.TYPE, time=time
            )
        sent = emit(topic, str(job_id).encode(), cover, message)
        stamp = int(time.timestamp() * 1000)
        records.append(Incoming(topic.name, 0, number, stamp, sent.key, sent.value, tuple(sent.headers)))
    return records


def story_id(number: int) -> UUID:
    """The job's id in `story(number)`."""
    return derived_id("story", 0, number, "job")


def _changed(kind: Any, name: str, **changes: Any) -> Any:
    message = kind.model_validate_json(example(name).value or b"")
    return message.model_copy(update=changes)
