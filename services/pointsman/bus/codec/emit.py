"""Encodes a message as a record; the only place that makes outgoing envelopes and dead letters."""

from datetime import datetime
from hashlib import sha256

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.metrics import DEAD
from pointsman_schemas import dead
from pointsman_schemas.base import Message
from pointsman_schemas.control.gateway_requests import RequestTaken
from pointsman_schemas.envelope import Envelope, envelope_after, first_envelope
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.ids import derived_id, uuid7
from pointsman_schemas.jobs import JobCancel
from pointsman_schemas.topic import Topic

UNKNOWN_AGENT = "unknown"
#: Of a larger value a dead letter has only the first `KEPT_BYTES`. The audit has it whole.
MAX_LETTER_BYTES, KEPT_BYTES = 1024 * 1024, 64 * 1024


def emit(topic: Topic, key: bytes | None, envelope: Envelope, message: Message) -> Outgoing:
    """Return the record for `message`."""
    value = message.__pydantic_serializer__.to_json(message)
    return Outgoing(topic.name, key, value, envelope.to_headers(), topic.fallback_topic)


def emit_own(
    topic: Topic, key: str, by: str, message: Message, now: datetime, *, agent_id: str | None = None
) -> Outgoing:
    """Return the record for a message from `by` that has no cause. `agent_id`: `by` unless given."""
    envelope = Envelope(uuid7(now), by, message.TYPE, now, agent_id or by)
    return emit(topic, key.encode(), envelope, message)


def emit_of_job(
    topic: Topic,
    message: JobCancel | JobFeedback | RequestTaken,
    *,
    by: str,
    now: datetime,
    key: bytes | None = None,
) -> Outgoing:
    """Return the record for a message from `by` about a job, that has no cause.

    `key`: the job's id unless given.
    """
    envelope = first_envelope(
        uuid7(now),
        source=by,
        type=message.TYPE,
        time=now,
        agent_id=message.agent_id,
        job_id=message.job_id,
    )
    return emit(topic, key or str(message.job_id).encode(), envelope, message)


def dead_letter(
    topic: Topic,
    record: Incoming,
    letter: dead.DeadLetter,
    *,
    cause: Envelope | None,
    source: str,
    now: datetime,
) -> Outgoing:
    """Return the dead letter for `record`: its bytes as on Kafka and its headers prefixed, both bounded."""
    DEAD.labels(letter.stage, letter.reason).inc()
    if cause is None:
        id = derived_id(*record.root, "dead")
        letter_envelope = Envelope(id, source, dead.TYPE, now, UNKNOWN_AGENT)
    else:
        letter_envelope = envelope_after(
            cause, record.root, step="dead", source=source, type=dead.TYPE, time=now
        )
    value, size_headers = _bounded(record.on_kafka)
    headers = letter_envelope.to_headers() + letter.to_headers() + size_headers + _original(record)
    return Outgoing(topic.name, record.key, value, headers)


def _bounded(value: bytes | None) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Return the value, or the beginning of a large one with headers that give its size and digest."""
    if value is None or len(value) <= MAX_LETTER_BYTES:
        return value, []
    digest = sha256(value).hexdigest().encode()
    return value[:KEPT_BYTES], [(dead.VALUE_BYTES, b"%d" % len(value)), (dead.VALUE_SHA256, digest)]


def _original(record: Incoming) -> list[tuple[str, bytes]]:
    pairs: list[tuple[str, bytes]] = []
    size = 0
    for name, value in record.headers:
        size += len(name) + len(value or b"")
        if len(pairs) == dead.MAX_HEADERS or size > dead.MAX_HEADER_BYTES:
            pairs.append((f"{dead.ORIGINAL}headers_dropped", str(len(record.headers) - len(pairs)).encode()))
            break
        pairs.append((f"{dead.ORIGINAL}{name}", value))
    return pairs
