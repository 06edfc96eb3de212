"""From a message to a record: the one place where outgoing envelopes and dead letters are made."""

from datetime import datetime

from pointsman.bus.records import Incoming, Outgoing
from pointsman_schemas import dead, envelope
from pointsman_schemas.base import Message
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import derived_id
from pointsman_schemas.topics import Topic

UNKNOWN_AGENT = "unknown"


def emit(topic: Topic, key: bytes | None, cover: Envelope, message: Message) -> Outgoing:
    """The record that carries `message`."""
    return Outgoing(topic.name, key, message.__pydantic_serializer__.to_json(message), cover.to_headers())


def bury(
    topic: Topic,
    record: Incoming,
    letter: dead.DeadLetter,
    *,
    cause: Envelope | None,
    source: str,
    now: datetime,
) -> Outgoing:
    """The dead letter for `record`: its bytes as on Kafka, its own headers (up to a bound) prefixed."""
    if cause is None:
        id = derived_id(*record.origin, "dead")
        cover = Envelope(id, source, dead.TYPE, now, UNKNOWN_AGENT)
    else:
        cover = envelope.follow_with(
            cause, record.origin, step="dead", source=source, type=dead.TYPE, time=now
        )
    return Outgoing(
        topic.name, record.key, record.on_kafka, cover.to_headers() + letter.to_headers() + _original(record)
    )


def _original(record: Incoming) -> list[tuple[str, bytes]]:
    kept: list[tuple[str, bytes]] = []
    size = 0
    for name, value in record.headers:
        size += len(name) + len(value or b"")
        if len(kept) == dead.MAX_HEADERS or size > dead.MAX_HEADER_BYTES:
            kept.append((f"{dead.ORIGINAL}headers_dropped", str(len(record.headers) - len(kept)).encode()))
            break
        kept.append((f"{dead.ORIGINAL}{name}", value))
    return kept
