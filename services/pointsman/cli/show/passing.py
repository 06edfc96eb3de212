"""A record as one line of text or as one JSON object."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.text import Text

from pointsman.bus.codec.claimed import claim_of, stand_in
from pointsman.bus.codec.decode import Malformed, broker_time, decode
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.cli.formats import clock, gist, printable
from pointsman.cli.show.words import kind, last_message_text, summary
from pointsman_schemas import dead, envelope
from pointsman_schemas.ids import SHORT, short_id
from pointsman_schemas.jobs import Job
from pointsman_schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Passing:
    """The parts of a record's line."""

    at: datetime
    topic: str
    word: str
    colour: str
    agent: str
    job_id: UUID | None
    text: str


def read(record: Incoming, topics: Topics) -> Passing:
    """Decode a record of any topic. If that fails, the text says why."""
    at, topic = broker_time(record), short_topic(record.topic, topics)
    if record.topic == topics.dead.name:
        return _dead(record, at, topic)
    claim = claim_of(record)
    if claim is not None:
        passing = read(stand_in(record), topics)
        return replace(passing, text=f"{passing.text} ({claim.bytes:,} bytes, in {claim.store})".strip())
    decoded: Any = decode_intake(record) if record.topic == topics.intake.name else decode(record)
    if isinstance(decoded, Malformed):
        text = f"{decoded.reason.value}: {decoded.message}"
        return Passing(at, topic, "malformed", "red", decoded.agent_id or "-", decoded.job_id, text)
    if hasattr(decoded, "job"):
        return Passing(
            at,
            topic,
            *kind("job.submitted.v1"),
            decoded.job.agent_id,
            decoded.job.job_id,
            _job_summary(decoded.job),
        )
    envelope = decoded.envelope
    return Passing(
        at, topic, *kind(envelope.type), envelope.agent_id or "-", envelope.job_id, summary(decoded.message)
    )


def draw(passing: Passing, width: int) -> Text:
    """Draw time, topic, kind, agent and job, and the summary as far as `width` allows."""
    wide = width >= 120
    job = short_id(passing.job_id) if passing.job_id else "-"
    time = clock(passing.at)
    head = Text.assemble(
        (time if wide else time[:8], "dim"),
        f" {passing.topic:11} ",
        (f"{passing.word:9}", passing.colour),
        f" {gist(passing.agent, 24):24} " if wide else f" {gist(passing.agent, 10):10} ",
        (f"{job:{SHORT}}", "dim"),
    )
    room = width - head.cell_len - 1
    return head.append(" " + gist(passing.text, room)) if room >= 8 else head


def whole(record: Incoming) -> dict[str, Any]:
    """Return the record as JSON values. The value is parsed JSON, else text, else base64."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "at": broker_time(record),
        "key": None if record.key is None else record.key.decode("utf-8", "backslashreplace"),
        "headers": {
            name: None if value is None else value.decode("utf-8", "backslashreplace")
            for name, value in record.headers
        },
        **_value(record.value),
    }


def short_topic(name: str, topics: Topics) -> str:
    """Return a topic's short name: `intake`, `tier.small`, `calls`. Foreign topics keep their name."""
    return name.removeprefix(f"{topics.prefix}.").removeprefix("jobs.")


def long_topic(name: str, topics: Topics) -> str:
    """Return the topic's name in Kafka, from a short name such as `tier.small` or the full one.

    Raises:
        ValueError: it is neither.
    """
    if name.startswith("tier.") and len(name) > len("tier."):
        return topics.tier(name.removeprefix("tier.")).name
    fixed_topics = list(topics.all(()))
    for topic in fixed_topics:
        if name in (topic.name, short_topic(topic.name, topics)):
            return topic.name
    if name.startswith(topics.tier("").name):
        return name
    listed = ", ".join(["tier.<tier>", *(short_topic(topic.name, topics) for topic in fixed_topics)])
    raise ValueError(f"no topic {name!r}; there are {listed}")


def _job_summary(job: Job) -> str:
    wishes = [f"({word})" for word in (job.kind, job.tier and f"tier {job.tier}") if word]
    return " ".join([*wishes, last_message_text(job.request)])


def _dead(record: Incoming, at: datetime, topic: str) -> Passing:
    headers = {name: value for name, value in record.headers if value is not None}
    try:
        letter = dead.from_headers(headers)
    except (KeyError, ValueError):
        return Passing(at, topic, "dead", "red", "-", None, "a dead letter without its reason")
    try:
        read_envelope = envelope.from_headers(record.headers, at)
    except envelope.BadEnvelopeError:
        read_envelope = None
    text = f"{letter.reason.value}: {letter.message}"
    agent = read_envelope.agent_id if read_envelope else "-"
    return Passing(
        at,
        topic,
        *kind(dead.TYPE),
        printable(agent) or "-",
        read_envelope.job_id if read_envelope else None,
        text,
    )


def _value(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    try:
        return {"value": json.loads(value.decode())}
    except (ValueError, RecursionError):
        pass
    try:
        return {"value_text": value.decode()}
    except UnicodeDecodeError:
        return {"value_base64": base64.b64encode(value).decode()}
