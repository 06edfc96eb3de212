"""Makes a record's row in the audit table; never raises, whatever the record contains."""

import logging
from functools import cache
from typing import assert_never

from pointsman.audit.records.columns import (
    agent_or_none,
    header_pairs,
    payload_of,
    reason_text,
    time_or_none,
)
from pointsman.audit.records.message_columns import MessageColumns, columns_of
from pointsman.audit.records.one_pass import in_one_pass
from pointsman.bus.codec.claimed import stand_in
from pointsman.bus.codec.decode import Decoded, Malformed, broker_time, decode, envelope_in
from pointsman.bus.codec.emit import UNKNOWN_AGENT
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming, Unread
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.append.record import record_digest
from pointsman.store.append.row import Row
from pointsman_schemas import dead
from pointsman_schemas.envelope import BadEnvelopeError, Envelope, from_headers
from pointsman_schemas.jobs import JobSubmitted
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: No limit: the router limits the size of jobs, the audit reads whatever is there.
_ANY_SIZE = 1 << 40


def row_of(record: Incoming, topics: Topics) -> Row:
    """Return the row of any record of any topic of this installation.

    A record that cannot be decoded keeps its bytes and headers, with the reason in `unreadable` and, if they
    can be read anyway, job and agent.
    """
    try:
        return _understood(record, topics)
    except Exception as error:
        # A bug must neither keep a record out of the audit nor block its lane.
        event(log, logging.ERROR, Event.RECORD_UNREADABLE, error=repr(error))
        return _row(record, None, None, MessageColumns(), None, unreadable=f"{Reason.INTERNAL}: {error!r}")


def _understood(record: Incoming, topics: Topics) -> Row:
    if isinstance(record, Unread):
        return _unreadable(record, Malformed(record.reason, record.why))
    intake, letters = _names(topics)
    if record.topic == letters:
        return _letter(record, intake)
    understood = in_one_pass(record, is_submitted=record.topic == intake)
    if understood is not None:
        envelope, columns, headers, digest = understood
        payload = _text(record.value)
        return _row(record, envelope, envelope.type, columns, payload, headers=headers, digest=digest)
    readable = stand_in(record)
    match decode_intake(readable, _ANY_SIZE) if record.topic == intake else decode(readable):
        case Decoded(message, envelope):
            return _row(record, envelope, envelope.type, columns_of(message), _text(record.value))
        case Accepted(job, cause):
            return _row(record, cause, JobSubmitted.TYPE, columns_of(job), _text(record.value))
        case Malformed() as malformed:
            return _unreadable(record, malformed)
        case never:
            assert_never(never)


def _letter(record: Incoming, intake: str) -> Row:
    """Return a dead letter's row from its headers: its value is the original one and need not be JSON."""
    try:
        envelope = from_headers(record.headers, broker_time(record))
        if envelope is None or envelope.type != dead.TYPE:
            raise BadEnvelopeError(f"ce_type is not {dead.TYPE}")
        letter = dead.from_headers(dict(record.headers))
    except (KeyError, ValueError, AttributeError) as error:
        why = f"missing header {error}" if isinstance(error, KeyError) else str(error)
        reason = f"not a dead letter: {why}"
        return _row(record, None, None, MessageColumns(), payload_of(record.value), unreadable=reason)
    job_id = envelope.job_id
    agent_id = agent_or_none(envelope.agent_id if envelope.agent_id != UNKNOWN_AGENT else None)
    if job_id is None or agent_id is None:
        original = _of_original(record, letter, intake)
        job_id, agent_id = job_id or original.job_id, agent_id or original.agent_id
    columns = MessageColumns(job_id, agent_id, status="dead", error_type=letter.reason.value)
    return _row(record, envelope, dead.TYPE, columns, payload_of(record.value))


def _of_original(record: Incoming, letter: dead.DeadLetter, intake: str) -> MessageColumns:
    """Return job and agent of the original record of a dead letter."""
    headers = tuple(
        (name.removeprefix(dead.ORIGINAL), value)
        for name, value in record.headers
        if name.startswith(dead.ORIGINAL)
    )
    original = Incoming(
        letter.topic,
        letter.partition,
        letter.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        headers,
    )
    original = stand_in(original)
    match decode_intake(original, _ANY_SIZE) if letter.topic == intake else decode(original):
        case Decoded(message):
            return columns_of(message)
        case Accepted(job):
            return columns_of(job)
        case Malformed() as malformed:
            return MessageColumns(malformed.job_id, agent_or_none(malformed.agent_id))
        case never:
            assert_never(never)


def _unreadable(record: Incoming, malformed: Malformed) -> Row:
    envelope = malformed.cause or envelope_in(record.headers)
    columns = MessageColumns(
        malformed.job_id or (envelope.job_id if envelope else None),
        agent_or_none(malformed.agent_id or (envelope.agent_id if envelope else None)),
    )
    reason = f"{malformed.reason}: {malformed.message}"
    return _row(record, envelope, None, columns, payload_of(record.value), unreadable=reason)


def _row(
    record: Incoming,
    envelope: Envelope | None,
    kind: str | None,
    columns: MessageColumns,
    payload: str | None,
    *,
    unreadable: str | None = None,
    headers: str | None = None,
    digest: bytes | None = None,
) -> Row:
    """`headers`, `digest`: if already computed."""
    produced_at = None
    if envelope is not None and "ce_time" in [name for name, _ in record.headers]:
        produced_at = time_or_none(envelope.time)
    return Row(
        record.topic,
        record.partition,
        record.offset,
        envelope.id if envelope else None,
        envelope.causation_id if envelope else None,
        columns.job_id or (envelope.job_id if envelope else None),
        envelope.trace_id if envelope else None,
        kind,
        columns.agent_id,
        envelope.source if envelope else None,
        columns.attempt or (envelope.attempt if envelope else None),
        columns.tier,
        columns.provider,
        columns.model,
        columns.policy_version,
        columns.rule,
        columns.status,
        columns.error_type,
        columns.tokens_in,
        columns.tokens_out,
        columns.cost_usd,
        columns.duration_ms,
        produced_at,
        broker_time(record),
        record.key,
        record.value,
        headers or header_pairs(record.headers),
        payload,
        reason_text(unreadable) if unreadable else None,
        record.timestamp_ms,
        digest or record_digest(record.origin, record.timestamp_ms, record.key, record.value, record.headers),
    )


def _text(value: bytes | None) -> str | None:
    """Decode a value that was decoded as a message, so jsonb accepts it."""
    return None if value is None else value.decode()


@cache
def _names(topics: Topics) -> tuple[str, str]:
    return topics.intake.name, topics.dead.name
