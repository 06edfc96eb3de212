"""Finds jobs by id: among this process's replies, in the audit database, or by the outcome on its topic."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from pointsman.gateway.door import Door
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.ask.answers import Ended, Step
from pointsman.store.ask.jobs import Jobs
from pointsman.store.errors import StoreError
from pointsman_schemas.base import Json
from pointsman_schemas.catalog import MESSAGES, OUTCOMES
from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job, JobSubmitted
from pointsman_schemas.outcomes import Outcome

log = logging.getLogger(__name__)

#: The longest time for a search of the topic, in seconds.
_SEARCH_S = 10.0


@dataclass(frozen=True, slots=True)
class FoundJob:
    """`outcome`: None if there is none yet. `origin`: the request in its own API's shape, if known."""

    job: Job
    outcome: Outcome | None
    origin: Json | None = None


async def find(door: Door, job_id: UUID, agent_id: str) -> FoundJob | None:
    """Return the job; None if it is unknown or another agent's.

    Raises:
        BusError: the topic cannot be searched now.
    """
    reply = door.jobs.replies.known(job_id)
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
    """Find the outcome on its topic. The returned job lacks its request, which is not on that topic."""
    outcome = await door.jobs.replies.search(job_id, agent_id, _SEARCH_S)
    if outcome is None:
        return None
    nothing = ChatRequest.model_construct(messages=[ChatMessage(role="user")])
    job = Job.model_construct(job_id=job_id, agent_id=agent_id, request=nothing, metadata={})
    return FoundJob(job, outcome)


async def recorded(postgres: str, job_id: UUID) -> FoundJob | None:
    """Return the job and its outcome from the audit database; None if it is not there or cannot be decoded.

    Raises:
        StoreError: the database is unavailable.
    """
    async with Jobs.opened(postgres) as jobs:
        steps = await jobs.timeline(job_id)
    messages = [message for step in steps if (message := _message(step)) is not None]
    job = next((message.job() for message in messages if isinstance(message, JobSubmitted)), None)
    if job is None:
        return None
    return FoundJob(job, next((message for message in messages if isinstance(message, OUTCOMES)), None))


async def outcomes_on_record(postgres: str, job_ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """Return, by job id, the outcomes of these jobs that the audit database has and that can be decoded.

    Raises:
        StoreError: the database is unavailable.
    """
    async with Jobs.opened(postgres) as jobs:
        ended = await jobs.outcomes(job_ids)
    outcomes = [message for ended_job in ended if isinstance(message := _message(ended_job), OUTCOMES)]
    return {outcome.job_id: outcome for outcome in outcomes}


def _message(step: Step | Ended) -> JobSubmitted | Outcome | None:
    kind = MESSAGES.get((step.kind or "").removeprefix("pointsman."))
    if kind is None or step.payload is None or not issubclass(kind, (JobSubmitted, *OUTCOMES)):
        return None
    try:
        message = kind.model_validate(step.payload)
    except ValidationError:
        return None  # masked, cut off, or written by another program
    assert isinstance(message, (JobSubmitted, *OUTCOMES))
    return message
