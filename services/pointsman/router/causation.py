"""Derives from an intake record the publisher's job id, the lane's key, and the envelope of its effects."""

from dataclasses import replace
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.emit import UNKNOWN_AGENT
from pointsman.bus.codec.intake import Accepted, submitted
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.envelope import Envelope


def given_id(read: Accepted | Malformed) -> UUID | None:
    """Return the job id that the publisher chose; None if it was derived from the offset, which is unique."""
    if isinstance(read, Malformed):
        return read.job_id
    return read.job.job_id if read.explicit_id else None


def lane_key(read: Accepted | Malformed) -> bytes:
    """Return the record key that leads to the lane that remembers the job."""
    return str(read.job_id).encode() if isinstance(read, Malformed) else read.job.key


def cause_of(read: Accepted | Malformed, record: Incoming) -> Envelope | None:
    """Return the record's envelope, with known ids filled in; None if it has neither envelope nor job id."""
    if isinstance(read, Accepted):
        return read.cause
    agent = read.agent_id or UNKNOWN_AGENT
    if read.cause is not None:
        return replace(read.cause, agent_id=agent, job_id=read.job_id)
    if read.job_id is None:
        return None
    return submitted(record, agent, read.job_id)
