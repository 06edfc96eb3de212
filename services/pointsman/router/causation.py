"""Derives from an intake record the publisher's job id, the lane's key, and the envelope of its effects."""

from dataclasses import replace
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.emit import UNKNOWN_AGENT
from pointsman.bus.codec.intake import Accepted, submitted
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.envelope import Envelope


def given_id(decoded: Accepted | Malformed) -> UUID | None:
    """Return the job id that the publisher chose; None if it was derived from the offset, which is unique."""
    if isinstance(decoded, Malformed):
        return decoded.job_id
    return decoded.job.job_id if decoded.explicit_id else None


def lane_key(decoded: Accepted | Malformed) -> bytes:
    """Return the record key that leads to the lane that remembers the job."""
    return str(decoded.job_id).encode() if isinstance(decoded, Malformed) else decoded.job.key


def cause_of(decoded: Accepted | Malformed, record: Incoming) -> Envelope | None:
    """Return the record's envelope, with known ids filled in; None if it has neither envelope nor job id."""
    if isinstance(decoded, Accepted):
        return decoded.cause
    agent = decoded.agent_id or UNKNOWN_AGENT
    if decoded.cause is not None:
        return replace(decoded.cause, agent_id=agent, job_id=decoded.job_id)
    if decoded.job_id is None:
        return None
    return submitted(record, agent, decoded.job_id)
