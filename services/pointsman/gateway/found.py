"""Finds a job by its id: among those that wait here, in the audit database, or by its outcome's record."""

import logging
from uuid import UUID

from pointsman.bus.errors import BusError
from pointsman.gateway.door import Door
from pointsman.gateway.errors import unavailable
from pointsman.gateway.record import FoundJob, recorded
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.errors import StoreError
from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job

log = logging.getLogger(__name__)

#: So long the topic is looked through, seconds.
_SEARCH_S = 10.0


async def find(door: Door, job_id: UUID, agent_id: str) -> FoundJob | None:
    """The job, if it is this agent's.

    Raises:
        ApiError: it cannot be looked for at the moment.
    """
    reply = door.jobs.known(job_id)
    if reply is not None:
        outcome = reply.outcome.result() if reply.outcome.done() else None
        return FoundJob(reply.job, outcome, reply.origin) if reply.job.agent_id == agent_id else None
    if door.settings.postgres:
        try:
            async with door.lookups:
                on_record = await recorded(door.settings.postgres, job_id)
        except StoreError as error:
            event(log, logging.WARNING, Event.RECORD_NOT_ASKED, job_id=job_id, error=str(error))
        else:
            if on_record is not None:
                return on_record if on_record.job.agent_id == agent_id else None
    return await _on_topic(door, job_id, agent_id)


async def _on_topic(door: Door, job_id: UUID, agent_id: str) -> FoundJob | None:
    """By the outcome alone: what was asked is not known then."""
    try:
        outcome = await door.jobs.search(job_id, agent_id, _SEARCH_S)
    except BusError as error:
        raise unavailable(str(error)) from error
    if outcome is None:
        return None
    nothing = ChatRequest.model_construct(messages=[ChatMessage(role="user")])
    job = Job.model_construct(job_id=job_id, agent_id=agent_id, request=nothing, metadata={})
    return FoundJob(job, outcome)
