"""The envelope: CloudEvents 1.0 attributes in Kafka headers (binary mode), W3C trace context beside them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from pointsman_schemas.base import format_time, within_utc
from pointsman_schemas.ids import derived_id

Headers = tuple[tuple[str, bytes], ...]

#: What `ce_type` starts with; the rest is the message's own `type`.
TYPE_PREFIX = "pointsman."
#: The header that names the person a message is about; `ce_subject` is the job.
DATA_SUBJECT = "ce_datasubject"
#: The header that carries the signature of whoever sent the record, see docs/contract.md.
SIGNATURE = "ce_signature"


_TRACE = re.compile(r"\A[^-]*-([0-9a-f]{32})-([0-9a-f]{16})-")
#: Cached: a job's records, and those that follow from them, repeat the same ids.
uuid_of = lru_cache(2_048)(UUID)


class BadEnvelopeError(ValueError):
    """The headers claim to be an envelope but are not one; the text says which header and why."""


@dataclass(slots=True, unsafe_hash=True)
class Envelope:
    """A message's attributes: its id, source, type, time, agent and job, and the message that caused it.

    Treat it as immutable. It is not declared frozen because construction would take three times as long.
    """

    id: UUID
    source: str
    type: str
    time: datetime
    agent_id: str
    job_id: UUID | None = None
    causation_id: UUID | None = None
    attempt: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    data_subject: str | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers, in a fixed order; attributes without a value are left out."""
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(self.id).encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", f"{TYPE_PREFIX}{self.type}".encode()),
            ("ce_time", format_time(self.time).encode()),
            ("ce_agentid", self.agent_id.encode()),
            ("content-type", b"application/json"),
        ]
        if self.job_id is not None:
            job_id = str(self.job_id).encode()
            headers += [("ce_subject", job_id), ("ce_jobid", job_id)]
        if self.causation_id is not None:
            headers.append(("ce_causationid", str(self.causation_id).encode()))
        if self.attempt is not None:
            headers.append(("ce_attempt", str(self.attempt).encode()))
        if self.data_subject is not None:
            headers.append((DATA_SUBJECT, self.data_subject.encode()))
        if self.trace_id is not None and self.span_id is not None:
            headers.append(("traceparent", f"00-{self.trace_id}-{self.span_id}-01".encode()))
        return headers


def span_of(id: UUID) -> str:
    """The span id of a message, from the message's id."""
    return id.bytes[8:].hex()


def first_envelope(
    id: UUID,
    *,
    source: str,
    type: str,
    time: datetime,
    agent_id: str,
    job_id: UUID,
    data_subject: str | None = None,
) -> Envelope:
    """The envelope of a message without a cause; the trace id is the job's id."""
    return Envelope(
        id,
        source,
        type,
        time,
        agent_id,
        job_id,
        trace_id=job_id.hex,
        span_id=span_of(id),
        data_subject=data_subject,
    )


def envelope_after(
    cause: Envelope,
    root: tuple[str, int, int],
    *,
    step: str,
    source: str,
    type: str,
    time: datetime,
    attempt: int | None = None,
) -> Envelope:
    """The envelope of the message that `step` makes from a record.

    `root`: the record's seed, partition and offset, from which the id is derived with the step, so that a
    repeat has the same id. Agent, job, trace and data subject come from the cause.
    """
    id = derived_id(*root, step)
    return Envelope(
        id,
        source,
        type,
        time,
        cause.agent_id,
        cause.job_id,
        cause.id,
        attempt,
        cause.trace_id,
        span_of(id) if cause.trace_id else None,
        cause.data_subject,
    )


def from_headers(headers: Iterable[tuple[str, bytes]], received: datetime | None = None) -> Envelope | None:
    """The envelope in `headers`; None without any `ce_` header.

    `received` is used where `ce_time`, which is optional in CloudEvents, is missing.

    Raises:
        BadEnvelopeError: an attribute is missing, repeated or malformed.
    """
    values: dict[str, str] = {}
    is_envelope = False
    for name, value in headers:
        if name.startswith("ce_"):
            is_envelope = True
        elif name != "traceparent":
            continue
        if name in values:
            raise BadEnvelopeError(f"header {name} is repeated")
        try:
            values[name] = value.decode()
        except UnicodeDecodeError:
            raise BadEnvelopeError(f"header {name} is not UTF-8") from None
        except AttributeError:
            raise BadEnvelopeError(f"header {name} has no value") from None
    if not is_envelope:
        return None
    version = values.get("ce_specversion")
    if version != "1.0":
        raise BadEnvelopeError(f"ce_specversion is {version!r}, must be '1.0'")
    trace_id, span_id = trace_of(values.get("traceparent"))
    return Envelope(
        id=_uuid(values, "ce_id"),
        source=_text(values, "ce_source"),
        type=_text(values, "ce_type").removeprefix(TYPE_PREFIX),
        time=received if received and "ce_time" not in values else _time(values),
        agent_id=values.get("ce_agentid", ""),
        job_id=_uuid(values, "ce_jobid") if "ce_jobid" in values else None,
        causation_id=_uuid(values, "ce_causationid") if "ce_causationid" in values else None,
        attempt=_count(values, "ce_attempt") if "ce_attempt" in values else None,
        trace_id=trace_id,
        span_id=span_id,
        data_subject=_text(values, DATA_SUBJECT) if DATA_SUBJECT in values else None,
    )


def _text(values: dict[str, str], name: str) -> str:
    value = values.get(name, "")
    if not value or len(value) > 256:
        raise BadEnvelopeError(f"header {name} is missing, empty or longer than 256 characters")
    if "\0" in value:
        raise BadEnvelopeError(f"header {name} contains a NUL character")
    return value


def _uuid(values: dict[str, str], name: str) -> UUID:
    text = _text(values, name)
    try:
        return uuid_of(text)
    except ValueError:
        raise BadEnvelopeError(f"{name} is not a UUID") from None


def _time(values: dict[str, str]) -> datetime:
    text = _text(values, "ce_time")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadEnvelopeError("ce_time is not an RFC 3339 time") from None
    if time.tzinfo is None:
        raise BadEnvelopeError("ce_time has no time zone")
    return within_utc(time)


def _count(values: dict[str, str], name: str) -> int:
    value = values[name]
    if not (value.isascii() and value.isdigit() and len(value) <= 6):
        raise BadEnvelopeError(f"{name} is not a small whole number")
    return int(value)


def trace_of(value: str | None) -> tuple[str | None, str | None]:
    """Trace and span id; a traceparent that cannot be read is ignored, as W3C asks."""
    trace = _TRACE.match(value or "")
    return (None, None) if trace is None else (trace[1], trace[2])
