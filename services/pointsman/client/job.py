"""Makes a job from a `Job`, a plain body, or keywords."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.claims.settings import ClaimsPart
from pointsman_schemas.base import format_time
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job, JobSubmitted
from pointsman_schemas.topics import Topics

#: A job, or a plain body as any client may publish it.
JobLike: TypeAlias = Job | Mapping[str, Any]


class InvalidJobError(ValueError):
    """The arguments are not a valid job; nothing was sent."""


def largest_job(keeping: ClaimsPart) -> int:
    """Return the maximum size of a job in bytes: that of the store, or of the topic without one."""
    return keeping.claims_max_bytes if keeping.claims else Topics().intake.max_message_bytes


def make_job(
    job: JobLike | None, fields: Mapping[str, Any], agent_id: str | None, now: datetime, *, largest: int
) -> Job:
    """Return the job. It gets a new id if it has none, and `agent_id` if it names no agent.

    Raises:
        InvalidJobError: a field is invalid; the text says what it must be.
    """
    if isinstance(job, Job):
        if fields:
            raise InvalidJobError("give a Job or keywords, not both")
        return job
    body = {**({} if agent_id is None else {"agent_id": agent_id}), **(job or {}), **fields}
    match body.get("deadline"):
        case timedelta() as span:
            try:
                body["deadline"] = format_time(now + span)
            except OverflowError:
                raise InvalidJobError(f"deadline: {span} from now is beyond the calendar") from None
        case datetime() as time if time.tzinfo is None:
            raise InvalidJobError("deadline: needs a time zone, e.g. datetime.now(UTC)")
        case datetime() as time:
            body["deadline"] = format_time(time)
        case _:
            pass
    body = {name: value for name, value in body.items() if value is not None}
    try:
        # Not orjson: it writes NaN as null, and the provider would be asked something else.
        value = json.dumps(body, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJobError(f"cannot be written as JSON: {error}") from error
    # The limit of the transport only; the router applies the policy's.
    decoded = read_job(value, now, largest)
    if isinstance(decoded, Malformed):
        raise InvalidJobError(decoded.message)
    return decoded


def read_job(body: bytes, now: datetime, largest: int) -> Job | Malformed:
    """Return the job in a JSON object of at most `largest` bytes, with a new id if it has none."""
    decoded = decode_intake(Incoming("", 0, 0, int(now.timestamp() * 1000), None, body, ()), largest)
    if isinstance(decoded, Malformed):
        return decoded
    return decoded.job if decoded.explicit_id else decoded.job.model_copy(update={"job_id": uuid7(now)})


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def as_record(
    job: Job, topics: Topics, now: datetime, trace_id: str | None = None, source: str | None = None
) -> Outgoing:
    """Return the record that submits `job`. `source`: the sender, if not the agent itself.

    `trace_id`: of the enclosing trace; by default the job starts one.
    """
    message = JobSubmitted.model_construct(**{name: getattr(job, name) for name in Job.model_fields})
    envelope = first_envelope(
        uuid7(now),
        source=source or job.agent_id,
        type=JobSubmitted.TYPE,
        time=now,
        agent_id=job.agent_id,
        job_id=job.job_id,
        data_subject=job.data_subject,
    )
    if trace_id is not None:
        envelope = replace(envelope, trace_id=trace_id)
    value = message.__pydantic_serializer__.to_json(message)
    return Outgoing(topics.intake.name, job.key, value, envelope.to_headers())
