"""Reads the common messages of a job from bytes in one pass, with the compiled library.

The library gets schemas and columns generated from the models and `COLUMN_PATHS`. A record that it is not
sure of is read by the model, as are all records without the library.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from pointsman.audit.records.message_columns import COLUMN_PATHS, MessageColumns
from pointsman.audit.records.schemas import node_of
from pointsman.bus.codec.decode import broker_time
from pointsman.bus.codec.records import Incoming
from pointsman.runtime.native import library
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.envelope import Envelope, first_envelope, uuid_of
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed

KINDS: tuple[type[Message], ...] = (
    JobRouted,
    CallFinished,
    JobCompleted,
    JobFailed,
    JobExpired,
    JobCancelled,
)


class Understood(NamedTuple):
    """A record's envelope and columns, its headers as stored, and its digest."""

    envelope: Envelope
    columns: MessageColumns
    headers: str
    digest: bytes


@cache
def _reader() -> Callable[..., tuple[Any, ...] | None] | None:
    native = library()
    if native is None:
        return None
    kinds = []
    for kind in KINDS:
        columns = [COLUMN_PATHS[kind].get(name, ()) for name in MessageColumns._fields]
        slots = {path: slot for slot, path in enumerate(dict.fromkeys(chain(*columns)))}
        kinds.append((kind.TYPE, node_of(kind, slots), columns, slots))
    return native.MessageReader(kinds).read  # type: ignore[no-any-return]


def in_one_pass(record: Incoming, *, is_submitted: bool) -> Understood | None:
    """Read the record; None if the model must read it. `is_submitted`: it comes from the intake."""
    reader = _reader()
    if reader is None or record.value is None:
        return None
    position = (*record.origin, record.timestamp_ms)
    fields = reader(position, record.key, record.value, record.headers, is_submitted)
    if fields is None:
        return None
    id, causation, trace_id, kind, source, attempt, time, headers, digest, job, agent_id, *others = fields
    job_id = uuid_of(job) if job else derived_id(*record.root, "job")
    if not id:
        envelope = first_envelope(
            derived_id(*record.root, "submitted"),
            source=agent_id,
            type=kind,
            time=broker_time(record),
            agent_id=agent_id,
            job_id=job_id,
        )
    else:
        envelope = Envelope(
            uuid_of(id),
            source,
            kind,
            datetime.fromisoformat(time),
            agent_id,
            job_id,
            causation and uuid_of(causation),
            attempt,
            trace_id,
        )
    *others, cost, duration_ms = others
    columns = (job_id, agent_id, *others, cost and Decimal(cost), duration_ms)
    return Understood(envelope, MessageColumns._make(columns), headers, digest)
