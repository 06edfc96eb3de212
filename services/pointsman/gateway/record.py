"""What is on record of a job that another process, or this one in an earlier life, took in."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from pointsman.store.ask.answers import Ended, Step
from pointsman.store.ask.jobs import open_jobs
from pointsman_schemas.base import Json
from pointsman_schemas.catalog import MESSAGES, OUTCOMES
from pointsman_schemas.jobs import Job, JobSubmitted
from pointsman_schemas.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class FoundJob:
    """`outcome`: None where there is none yet. `origin`: the request in its own shape, where it is known."""

    job: Job
    outcome: Outcome | None
    origin: Json | None = None


async def recorded(postgres: str, job_id: UUID) -> FoundJob | None:
    """The job and its outcome in the audit database; None where the job is not there, or not to be read.

    Raises:
        StoreError: the database does not answer.
    """
    async with open_jobs(postgres) as jobs:
        steps = await jobs.timeline(job_id)
    messages = [message for step in steps if (message := _message(step)) is not None]
    job = next((message.job() for message in messages if isinstance(message, JobSubmitted)), None)
    if job is None:
        return None
    return FoundJob(job, next((message for message in messages if isinstance(message, OUTCOMES)), None))


async def outcomes_on_record(postgres: str, job_ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """The outcomes of those of these jobs that have one there which can be read.

    Raises:
        StoreError: the database does not answer.
    """
    async with open_jobs(postgres) as jobs:
        ended = await jobs.outcomes(job_ids)
    outcomes = [message for one in ended if isinstance(message := _message(one), OUTCOMES)]
    return {outcome.job_id: outcome for outcome in outcomes}


def _message(step: Step | Ended) -> JobSubmitted | Outcome | None:
    kind = MESSAGES.get((step.kind or "").removeprefix("pointsman."))
    if kind is None or step.payload is None or not issubclass(kind, (JobSubmitted, *OUTCOMES)):
        return None
    try:
        message = kind.model_validate(step.payload)
    except ValidationError:
        return None  # masked, cut, or by a stranger's hand
    assert isinstance(message, (JobSubmitted, *OUTCOMES))
    return message
