"""Results of the audit database's queries, one class for each kind of row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pointsman_schemas.base import Json
from pointsman_schemas.jobs import JobRouted


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a job. `at` and `since_start` follow causal order; costs are in US dollars.

    `detail`: a dead letter's message. `hidden`: why there is no payload: sealed, erased or broken.
    """

    job_id: UUID
    at: datetime
    since_start: timedelta
    step: timedelta | None
    kind: str | None
    agent_id: str | None
    source: str | None
    tier: str | None
    provider: str | None
    model: str | None
    attempt: int | None
    status: str | None
    error_type: str | None
    cost_usd: Decimal | None
    duration_ms: float | None
    unreadable: str | None
    topic: str
    partition: int
    offset: int
    message_id: UUID | None
    causation_id: UUID | None
    payload: Json | None
    detail: str | None
    hidden: str | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """The router's message about a job, with the whole decision.

    `value`: the record's bytes. If they are abridged, the job's request in `message` is empty.
    """

    at: datetime
    topic: str
    partition: int
    offset: int
    message: JobRouted
    value: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """A job's terminal outcome. `status`: completed, failed, rejected, expired or cancelled."""

    job_id: UUID
    at: datetime
    kind: str
    agent_id: str | None
    status: str
    error_type: str | None
    tier: str | None
    provider: str | None
    model: str | None
    attempts: int | None
    cost_usd: Decimal | None
    message: str | None
    payload: Json | None


@dataclass(frozen=True, slots=True)
class Hops:
    """The record timestamps of a job's submission, routing and outcome."""

    job_id: UUID
    submitted: datetime
    routed: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class JobState:
    """A one-line summary of a job. `state`: the outcome's status, or the stage that the job has reached."""

    job_id: UUID
    agent_id: str | None
    submitted_at: datetime
    finished_at: datetime | None
    took: timedelta | None
    state: str
    tier: str | None
    rule: str | None
    policy_version: str | None
    model: str | None
    calls: int
    failed_calls: int
    unpriced_calls: int
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None
    last_error: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class TierCost:
    """A tier's calls and their cost; `cost_usd` does not include the `unpriced_calls`."""

    tier: str | None
    jobs: int
    calls: int
    failed_calls: int
    unpriced_calls: int
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class TierOutcomes:
    """How many jobs of a tier (None: never routed) ended with this status for this reason."""

    tier: str | None
    status: str
    error_type: str | None
    jobs: int
