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
    tier: TierName | None = Field(description="null when the job ended before it was routed")
    attempts: int = Field(ge=0, description="provider calls made for it")
    cost_usd: Decimal | None = Field(description="sum over all attempts; null when a price is unknown")
    cascade: tuple[CascadeStep, ...] = Field(
        default=(),
        exclude_if=lambda steps: not steps,
        description="the answers that were judged, in order; attempts and cost_usd count all tiers",
    )
    rule: str | None = Field(
        default=None, exclude_if=lambda rule: rule is None, description="the rule that chose the tier"
    )
    request_digest: str | None = Field(
        default=None,
        max_length=64,
        exclude_if=lambda digest: digest is None,
        description="of the request that the job was made of, as its metadata said",
    )
    provider_ms: float | None = Field(
        default=None,
        ge=0,
        exclude_if=lambda ms: ms is None,
        description="for how long a call to this tier's providers was under way",
    )


#: What kept a job from being called for; absent where nothing did.
Limit = Annotated[
    str | None, Field(exclude_if=lambda limit: limit is None, description="the limit that held it up")
]
#: From what the provider refused a request with; absent where it did not say.
ProviderWord = Annotated[
    str | None,
    Field(
        max_length=80,
        exclude_if=lambda word: word is None,
        description="as the provider's error names it; one that says the input is too long has the code "
        "context_length_exceeded",
    ),
]


class JobCompleted(_Outcome):
    """The provider answered; `response` is its body, unchanged."""

    type: Literal["job.completed.v1"] = "job.completed.v1"
    tier: TierName
    provider: str
    model: str = Field(description="the model as the provider named it in its answer")
    usage: Usage | None
    response: Json
    score: Score | None = Field(
        default=None,
        exclude_if=lambda score: score is None,
        description="what the learned score promised of this answer; absent where it did not choose the tier",
    )
    confidence: tuple[Check, ...] = Field(
        default=(),
        exclude_if=lambda checks: not checks,
        description="confidences that were held against thresholds; "
        "one that did not exceed its own went to a person",
    )


class JobFailed(_Outcome):
    """No answer could be had: the provider refused the request or kept failing."""

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
    """The deadline passed before an answer was there."""

    type: Literal["job.expired.v1"] = "job.expired.v1"
    deadline: Timestamp
    message: str
    limit: Limit = None


class JobCancelled(_Outcome):
    """Somebody asked for it to stop."""

    type: Literal["job.cancelled.v1"] = "job.cancelled.v1"
    cancelled_by: AgentId
    message: str


#: What a job can end as once it was routed.
WorkerOutcome = JobCompleted | JobFailed | JobRejected | JobExpired | JobCancelled
Outcome = Annotated[WorkerOutcome, Field(discriminator="type")]
