"""The one terminal outcome of a job (topic `jobs.results`)."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Json, Message, TierName, Timestamp
from pointsman_schemas.calls import Usage
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.decisions import Check, Score
from pointsman_schemas.reasons import AnsweredReason, FailReason


class _Outcome(Message):
    job_id: UUID
    agent_id: AgentId
    tier: TierName | None = Field(description="null if the job ended before it was routed")
    attempts: int = Field(ge=0, description="number of provider calls")
    cost_usd: Decimal | None = Field(description="sum over all attempts; null if a price is unknown")
    cascade: tuple[CascadeStep, ...] = Field(
        default=(),
        exclude_if=lambda steps: not steps,
        description="the answers that were judged, in order; attempts and cost_usd include all tiers",
    )
    rule: str | None = Field(
        default=None, exclude_if=lambda rule: rule is None, description="the rule that chose the tier"
    )
    request_digest: str | None = Field(
        default=None,
        max_length=64,
        exclude_if=lambda digest: digest is None,
        description="digest of the request that the job was made from, copied from its metadata",
    )
    provider_ms: float | None = Field(
        default=None,
        ge=0,
        exclude_if=lambda ms: ms is None,
        description="time during which at least one call to this tier's providers was in flight",
    )


#: The limit that delayed or stopped a job; absent if there was none.
Limit = Annotated[
    str | None,
    Field(exclude_if=lambda limit: limit is None, description="the limit that delayed or stopped the job"),
]
#: A field of the error that a provider refused a request with; absent if the error did not have it.
ProviderWord = Annotated[
    str | None,
    Field(
        max_length=80,
        exclude_if=lambda word: word is None,
        description="from the provider's error; for an input that is too long, the code is "
        "context_length_exceeded",
    ),
]


class JobCompleted(_Outcome):
    """A provider answered. `response` is its body, unchanged."""

    type: Literal["job.completed.v1"] = "job.completed.v1"
    tier: TierName
    provider: str
    model: str = Field(description="the model's name in the provider's answer")
    usage: Usage | None
    response: Json
    score: Score | None = Field(
        default=None,
        exclude_if=lambda score: score is None,
        description="the learned score's prediction for this answer; absent if it did not choose the tier",
    )
    confidence: tuple[Check, ...] = Field(
        default=(),
        exclude_if=lambda checks: not checks,
        description="confidences compared with review thresholds; one that did not exceed its threshold "
        "sent the job to a person",
    )


class JobFailed(_Outcome):
    """There is no answer: the provider refused the request, or every attempt failed."""

    type: Literal["job.failed.v1"] = "job.failed.v1"
    reason: FailReason
    message: str
    limit: Limit = None
    code: ProviderWord = None
    param: ProviderWord = None


class JobRejected(_Outcome):
    """The job was not admitted; `message` says what to change."""

    type: Literal["job.rejected.v1"] = "job.rejected.v1"
    reason: AnsweredReason
    message: str
    limit: Limit = None


class JobExpired(_Outcome):
    """The deadline passed before there was an answer."""

    type: Literal["job.expired.v1"] = "job.expired.v1"
    deadline: Timestamp
    message: str
    limit: Limit = None


class JobCancelled(_Outcome):
    """The job was cancelled by an agent or a person."""

    type: Literal["job.cancelled.v1"] = "job.cancelled.v1"
    cancelled_by: AgentId
    message: str


#: The outcomes of a job that was routed.
WorkerOutcome = JobCompleted | JobFailed | JobRejected | JobExpired | JobCancelled
Outcome = Annotated[WorkerOutcome, Field(discriminator="type")]
