"""Decodes an intake record: a `job.submitted` message, or a plain body with an agent and a prompt.

Invariants:
- Nothing here raises: an unexpected error makes the record malformed.
- The job id of a signed record comes only from signed parts: its value, else its `ce_id`. So a copy with
  other headers or another key is still the same job.
- A record whose value is in a store names its job id itself, so the id is the same whether or not the value
  can be fetched.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from pointsman.bus.codec.claimed import small_fields
from pointsman.bus.codec.decode import Malformed, broker_time, message_type, read_body, read_envelope, refusal
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.refused import RefusedError
from pointsman.bus.codec.signed import is_signed
from pointsman.bus.codec.structured_event import in_binary_mode
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman_schemas.base import AGENT_ID, Json
from pointsman_schemas.envelope import DATA_SUBJECT, Envelope, first_envelope
from pointsman_schemas.ids import derived_id, signed_job_id
from pointsman_schemas.jobs import SUBJECT, Job, JobSubmitted, subject_in
from pointsman_schemas.reasons import Reason

log = logging.getLogger(__name__)

#: The largest intake record in bytes, unless the policy sets a limit.
DEFAULT_MAX_BYTES = 262_144

_FIELDS = frozenset(Job.model_fields) - {"request"}
_VERSION_NAMES = ("version", "schema_version", "specversion")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A valid job. `explicit_id`: the publisher chose its id, or what it is derived from."""

    job: Job
    cause: Envelope
    explicit_id: bool


def decode_intake(record: Incoming, max_bytes: int = DEFAULT_MAX_BYTES) -> Accepted | Malformed:
    """Decode an intake record; missing ids and a missing envelope are filled in."""
    cause: Envelope | None = None
    body: Json = {}
    try:
        size = len(record.on_kafka or b"")
        if size > max_bytes:
            raise RefusedError(Reason.TOO_LARGE, f"{size:,} bytes; at most {max_bytes:,}")
        record, data = in_binary_mode(record)
        cause = read_envelope(record)
        if cause is not None and message_type(cause.type) is not JobSubmitted:
            raise RefusedError(Reason.UNKNOWN_TYPE, f"type {cause.type!r} does not belong on the intake")
        stub = small_fields(record)
        body = stub or {}
        full_value = read_body(record) if data is None else data
        if stub is not None:
            _see_same(stub, full_value)
        body = full_value
        return _accept(record, cause, body)
    except RefusedError as error:
        return _malformed(error, record, cause, body)
    except Exception as error:
        failure(log, Event.RECORD_UNREADABLE, origin=record.origin)
        problem = f"it could not be read ({type(error).__name__}), the log has the traceback"
        return _malformed(RefusedError(Reason.INTERNAL, problem), record, cause, body)


def _see_same(stub: Json, full_value: Json) -> None:
    """Check that a claim's record and its value have the same fields.

    Raises:
        RefusedError: they differ.
    """
    for name in sorted(_FIELDS):
        if stub.get(name) != full_value.get(name):
            raise RefusedError(
                Reason.WRONG_TYPE,
                f"{name}: the record says {str(stub.get(name))[:80]!r}, the value that its claim leads to "
                f"{str(full_value.get(name))[:80]!r}",
            )


def _accept(record: Incoming, cause: Envelope | None, body: Json) -> Accepted:
    fields = as_submitted(body)
    fields["agent_id"] = agent = _agent(cause, fields)
    job_id = _job_id(cause, fields, agent if is_signed(record.headers) else None)
    fields["job_id"] = job_id or derived_id(*record.root, "job")
    if fields.get("metadata", 0) is None:
        del fields["metadata"]  # null means absent, as for every other field
    _about(cause, fields)
    if isinstance(fields.get("deadline"), int | float) or str(fields.get("deadline", "")).isdigit():
        raise RefusedError(
            Reason.WRONG_TYPE, "deadline: must be an RFC 3339 time such as 2030-01-31T12:00:00Z"
        )
    try:
        job = JobSubmitted.model_validate(fields).job()
    except ValidationError as error:
        bad_tier = isinstance(fields.get("tier"), str) and error.errors()[0]["loc"] == ("tier",)
        refused = refusal(error, within=() if "request" in body else ("request",))
        raise RefusedError(Reason.UNKNOWN_TIER if bad_tier else refused.reason, str(refused)) from None
    return Accepted(job, _cause(record, cause, job), explicit_id=job_id is not None)


def as_submitted(body: Json) -> Json:
    """Return the fields of a `JobSubmitted`, from its own shape or from a plain body.

    A plain body has `prompt` or `messages`; fields that a job does not have become request parameters.

    Raises:
        RefusedError: it has neither or both, or an unknown version.
    """
    fields = dict(body)
    for name in _VERSION_NAMES:
        if fields.pop(name, 1) not in (1, "1", "1.0"):
            raise RefusedError(Reason.UNKNOWN_VERSION, f"{name} is {str(body[name])[:40]!r}, must be 1")
    if "type" in fields:
        if not isinstance(fields["type"], str):
            raise RefusedError(Reason.WRONG_TYPE, "type: must be a text")
        if message_type(fields["type"].removeprefix("pointsman.")) is not JobSubmitted:
            raise RefusedError(Reason.UNKNOWN_TYPE, f"type {fields['type']!r} does not belong on the intake")
        fields["type"] = JobSubmitted.TYPE
    if "request" in fields:
        return fields
    request = {name: fields.pop(name) for name in list(fields) if name not in _FIELDS and name != "type"}
    if "prompt" in request:
        if "messages" in request:
            raise RefusedError(Reason.WRONG_TYPE, "give either prompt or messages, not both")
        request["messages"] = [{"role": "user", "content": _prompt(request.pop("prompt"))}]
    elif "messages" not in request:
        raise RefusedError(Reason.MISSING_FIELD, "prompt or messages is missing")
    return {**fields, "request": request}


def _prompt(prompt: Any) -> str:
    if not isinstance(prompt, str):
        raise RefusedError(Reason.WRONG_TYPE, "prompt: must be a text")
    if not prompt.strip():
        raise RefusedError(Reason.MISSING_FIELD, "prompt: must not be empty")
    return prompt


def _agent(cause: Envelope | None, fields: Json) -> str:
    claimed = cause.agent_id if cause else ""
    agent = fields.get("agent_id", claimed)
    if agent is None or agent == "":
        raise RefusedError(
            Reason.MISSING_AGENT, 'agent_id is missing: say who asks, e.g. "agent_id": "billing"'
        )
    if not isinstance(agent, str):
        raise RefusedError(Reason.WRONG_TYPE, "agent_id: must be a text")
    if not AGENT_ID.match(agent):
        raise RefusedError(
            Reason.WRONG_TYPE,
            "agent_id: 1 to 128 letters, digits and . _ : @ / -, beginning with a letter or digit",
        )
    if claimed and claimed != agent:
        raise RefusedError(
            Reason.FOREIGN_AGENT, f"the body says agent {agent!r}, the header ce_agentid {claimed[:128]!r}"
        )
    return agent


def _job_id(cause: Envelope | None, fields: Json, signer: str | None) -> UUID | None:
    claimed_id = fields.get("job_id")
    if claimed_id is None and cause is not None and signer is not None:
        if cause.job_id is not None:
            raise RefusedError(
                Reason.BAD_HEADERS,
                "the header ce_jobid is not signed: put job_id into the value, or leave both out",
            )
        return signed_job_id(signer, cause.id)
    if claimed_id is None:
        return cause.job_id if cause else None
    job_id = _uuid(claimed_id)
    if job_id is None:
        raise RefusedError(Reason.WRONG_TYPE, "job_id: must be a UUID; leave it out and one is made")
    if cause is not None and cause.job_id not in (None, job_id):
        raise RefusedError(Reason.BAD_HEADERS, f"job_id is {job_id}, the header ce_jobid {cause.job_id}")
    return job_id


def _about(cause: Envelope | None, fields: Json) -> None:
    """Check that metadata and header name the same data subject, and that a header can hold it."""
    claimed, metadata = cause.data_subject if cause else None, fields.get("metadata")
    named = subject_in(metadata)
    if named != _sayable(named):
        raise RefusedError(Reason.WRONG_TYPE, f"metadata.{SUBJECT}: at most 256 characters, none of them NUL")
    if claimed is not None and named is None and isinstance(metadata, dict | None):
        fields["metadata"] = {**(metadata or {}), SUBJECT: claimed}
    elif claimed != named and claimed is not None:
        raise RefusedError(
            Reason.BAD_HEADERS, f"metadata.{SUBJECT} is not what the header {DATA_SUBJECT} says"
        )


def _sayable(subject: str | None) -> str | None:
    return subject if subject and len(subject) <= 256 and "\0" not in subject else None


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def submitted(record: Incoming, agent_id: str, job_id: UUID, data_subject: str | None = None) -> Envelope:
    """Return an envelope for a record that has none."""
    return first_envelope(
        derived_id(*record.root, "submitted"),
        source=agent_id,
        type=JobSubmitted.TYPE,
        time=broker_time(record),
        agent_id=agent_id,
        job_id=job_id,
        data_subject=data_subject,
    )


def _cause(record: Incoming, envelope: Envelope | None, job: Job) -> Envelope:
    if envelope is None:
        return submitted(record, job.agent_id, job.job_id, job.data_subject)
    filled = first_envelope(
        envelope.id,
        source=envelope.source,
        type=JobSubmitted.TYPE,
        time=envelope.time,
        agent_id=job.agent_id,
        job_id=job.job_id,
        data_subject=job.data_subject,
    )
    if envelope.trace_id is None:
        return filled
    return replace(
        filled,
        causation_id=envelope.causation_id,
        trace_id=envelope.trace_id,
        span_id=envelope.span_id,
    )


def _malformed(error: RefusedError, record: Incoming, cause: Envelope | None, body: Json) -> Malformed:
    agent = body.get("agent_id", cause.agent_id if cause else None)
    agent = agent if isinstance(agent, str) and AGENT_ID.match(agent) else None
    claimed = cause.job_id if cause and not is_signed(record.headers) else None
    job_id = _uuid(body.get("job_id")) or claimed
    if job_id is not None and agent is not None and cause is None:
        cause = submitted(record, agent, job_id, _sayable(subject_in(body.get("metadata"))))
    return Malformed(error.reason, str(error), job_id, agent, cause)
