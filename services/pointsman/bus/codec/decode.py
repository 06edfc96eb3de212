"""Decodes a record to a message, or to the reason why it is invalid; never raises on bad input."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from pointsman.bus.codec.claimed import LostError, see_whole
from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.records import Incoming, Unread
from pointsman.bus.codec.refused import RefusedError
from pointsman.bus.codec.validation_messages import describe_errors
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman_schemas.base import Json, Message
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.envelope import BadEnvelopeError, Envelope, from_headers
from pointsman_schemas.reasons import Reason

log = logging.getLogger(__name__)

#: Limits on headers; an envelope needs far fewer.
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why a record is invalid, with the ids that could be read."""

    reason: Reason
    message: str
    job_id: UUID | None = None
    agent_id: str | None = None
    cause: Envelope | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message and its envelope."""

    message: Message
    envelope: Envelope


def decode(record: Incoming) -> Decoded | Malformed:
    """Decode a record of any topic but the intake. It must have an envelope."""
    try:
        envelope = read_envelope(record)
        if envelope is None:
            return Malformed(Reason.BAD_HEADERS, "no CloudEvents headers (ce_specversion, ce_id, ...)")
        kind = message_type(envelope.type)
    except RefusedError as error:
        return Malformed(error.reason, str(error))
    try:
        return Decoded(kind.model_validate(read_body(record)), envelope)
    except LostError as error:  # the record is valid, so its ids are known
        return Malformed(error.reason, str(error), envelope.job_id, envelope.agent_id or None, cause=envelope)
    except RefusedError as error:
        return Malformed(error.reason, str(error))
    except ValidationError as error:
        refused = refusal(error)
        return Malformed(
            refused.reason, str(refused), envelope.job_id, envelope.agent_id or None, cause=envelope
        )
    except Exception as error:
        failure(log, Event.RECORD_UNREADABLE, origin=record.origin)
        problem = f"it could not be read ({type(error).__name__}), the log has the traceback"
        return Malformed(Reason.INTERNAL, problem, envelope.job_id, envelope.agent_id or None, cause=envelope)


def message_in(record: Incoming) -> Message | None:
    """Return the record's message; None if it is malformed."""
    decoded = decode(record)
    return decoded.message if isinstance(decoded, Decoded) else None


def read_envelope(record: Incoming) -> Envelope | None:
    """Return the envelope from the record's headers; None if there is none.

    Raises:
        RefusedError: the headers are too many or invalid, or the record's batch could not be read.
    """
    if isinstance(record, Unread):
        raise RefusedError(record.reason, record.why)
    size = sum([len(name) + len(value or b"") for name, value in record.headers])
    if len(record.headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise RefusedError(
            Reason.BAD_HEADERS,
            f"{len(record.headers)} headers of {size} bytes; at most {MAX_HEADERS} of {MAX_HEADER_BYTES}",
        )
    try:
        return from_headers(record.headers, broker_time(record))
    except BadEnvelopeError as error:
        version = "ce_specversion" in str(error)
        raise RefusedError(Reason.UNKNOWN_VERSION if version else Reason.BAD_HEADERS, str(error)) from None


def envelope_in(headers: Sequence[tuple[str, bytes]]) -> Envelope | None:
    """Return the envelope in `headers`; None if there is no valid one."""
    try:
        return from_headers(headers)
    except BadEnvelopeError:
        return None


def read_body(record: Incoming) -> Json:
    """Return the JSON object in the record's value.

    Raises:
        LostError: the value is in the store, and was not or cannot be fetched.
        RefusedError: there is no valid JSON object.
    """
    see_whole(record)
    if record.value is None:
        raise RefusedError(Reason.TOMBSTONE, "the record has no value (a tombstone)")
    return parse_object(record.value)


def broker_time(record: Incoming) -> datetime:
    """Return the record's Kafka timestamp; 1970 if no datetime can hold it."""
    try:
        return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def message_type(type: str) -> type[Message]:
    """Return the message class for `type`.

    Raises:
        RefusedError: the type or its version is unknown.
    """
    message_type = MESSAGES.get(type)
    if message_type is not None:
        return message_type
    name, _, version = type.rpartition(".v")
    versions = [message_type for message_type in MESSAGES if message_type.rpartition(".v")[0] == name]
    if versions and version:
        raise RefusedError(Reason.UNKNOWN_VERSION, f"type {type!r}: known is {', '.join(versions)}")
    known_ones = f"none of the {len(MESSAGES)} that docs/contract.md lists"
    raise RefusedError(Reason.UNKNOWN_TYPE, f"type {type!r} is {known_ones}; a job is a job.submitted.v1")


def refusal(error: ValidationError, within: Sequence[str] = ()) -> RefusedError:
    """Convert pydantic's errors to one line: where, and what it must be."""
    missing = any(
        fault["type"] == "missing" for fault in error.errors(include_url=False, include_context=False)
    )
    return RefusedError(
        Reason.MISSING_FIELD if missing else Reason.WRONG_TYPE, describe_errors(error, within)
    )
