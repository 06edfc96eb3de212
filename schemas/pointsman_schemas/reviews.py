"""A case that a person decides: asked for, claimed, decided (topics `jobs.review`, `reviews.*`)."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from pointsman_schemas.base import AgentId, Json, Message, TierName, Timestamp, Value
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.control.review_plans import ConfidenceSource, QueueName, ReviewOf, Threshold
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCompleted

ReviewStatus = Literal["open", "claimed", "approved", "edited", "rejected", "sent", "expired", "withdrawn"]
ReviewChoice = Literal["approve", "edit", "reject", "send"]
#: SHA-256 in hex.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ReasonText = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]


class ReviewStop(Value):
    """Why a job stopped: the threshold, and the confidence that does not exceed it."""

    rule: str = Field(min_length=1, max_length=64)
    of: ReviewOf
    source: ConfidenceSource
    value: str | None = Field(max_length=64, description="as it was compared; null: there is none")
    threshold: Threshold
    detail: str = Field(max_length=500, description="the comparison in words, e.g. `0.94 < 0.95`")


class ReviewRequested(Message):
    """A person is to decide: everything that the reviewer needs (topic `jobs.review`).

    Of `routing`: whether the job goes to the decision's tier. Of an `answer`: whether `proposed` counts.
    """

    type: Literal["review.requested.v1"] = "review.requested.v1"
    job: Job
    decision: Decision
    steps: tuple[CascadeStep, ...] = ()
    stop: ReviewStop
    queue: QueueName = Field(description="of `decision.review`, where it waits first")
    proposed: JobCompleted | None = Field(default=None, description="the outcome, where it is approved")
    attempts: int = Field(ge=0, description="provider calls made so far")
    cost_usd: Decimal | None = Field(description="of these calls; null when a price is unknown")


class ReviewClaim(Message):
    """A person takes a case (topic `reviews.decided`); `revision`: of the case as the person saw it."""

    type: Literal["review.claim.v1"] = "review.claim.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)


class ReviewRelease(Message):
    """A person gives a claimed case back."""

    type: Literal["review.release.v1"] = "review.release.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)


class ReviewDecide(Message):
    """A person decides a case that it has claimed.

    `seen`: of the value of the `review.requested.v1` that was looked at, so that what is approved is what is
    carried out.
    """

    type: Literal["review.decide.v1"] = "review.decide.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)
    choice: ReviewChoice
    seen: Digest
    reason: ReasonText = ""
    response: Json | None = Field(default=None, description="of `edit`: the provider's body as it shall be")
    tier: TierName | None = Field(default=None, description="of `send`: where the job goes")


class ReviewRefusal(StrEnum):
    """Why a command about a case was not carried out."""

    UNKNOWN_CASE = "unknown_case"
    NOT_OPEN = "not_open"
    NOT_CLAIMED = "not_claimed"
    CLAIMED_BY_OTHER = "claimed_by_other"
    STALE_REVISION = "stale_revision"
    OTHER_CONTENT = "other_content"
    NOT_A_REVIEWER = "not_a_reviewer"
    OWN_JOB = "own_job"
    SAME_PERSON = "same_person"
    TOO_MANY_CLAIMS = "too_many_claims"
    REASON_MISSING = "reason_missing"
    IMPOSSIBLE_CHOICE = "impossible_choice"
    SIGNATURE = "signature"


class ReviewAnswered(Message):
    """What became of a command (topic `reviews.answers`); it is the one that `ce_causationid` names."""

    type: Literal["review.answered.v1"] = "review.answered.v1"
    job_id: UUID
    by: AgentId
    refused: ReviewRefusal | None = Field(description="null: it was carried out")
    message: str = Field(max_length=1000)
    status: ReviewStatus | None = Field(description="of the case now; null: there is none")
    revision: int = Field(ge=0, description="of the case now; 0: there is none")


class ReviewClaimed(Value):
    """Who is at work on a case, and until when."""

    by: AgentId
    since: Timestamp
    until: Timestamp


class ReviewDecision(Value):
    """What a person decided; `seconds`: from the claim to the decision."""

    by: AgentId
    at: Timestamp
    choice: ReviewChoice
    reason: str
    seconds: float = Field(ge=0)
    response_sha256: Digest | None = Field(default=None, description="of the body of an `edit`")
    tier: TierName | None = None


class ReviewOrigin(Value):
    """The `review.requested.v1` that opened a case: its place, and what its envelope says."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    sha256: Digest = Field(description="of its value")
    id: UUID
    trace_id: str | None
    span_id: str | None
    data_subject: str | None


class ReviewChanged(Message):
    """The case of a job as it stands (topic `reviews.state`); the latest of each job holds."""

    type: Literal["review.changed.v1"] = "review.changed.v1"
    job_id: UUID
    agent_id: AgentId
    revision: int = Field(ge=1, description="one more with each change")
    status: ReviewStatus
    change: str = Field(max_length=64, description="what changed it, e.g. `claimed`")
    at: Timestamp = Field(description="when it was changed")
    by: AgentId | None = Field(description="who changed it; null: nobody, a time was over")
    queue: QueueName
    deadline: Timestamp = Field(description="when the queue's time is over")
    opened: Timestamp
    claim: ReviewClaimed | None = None
    decisions: tuple[ReviewDecision, ...] = Field(default=(), max_length=16)
    stop: ReviewStop
    origin: ReviewOrigin
    job_deadline: Timestamp | None = Field(description="of the job: no answer is wanted after it")
    seeded: bool = Field(
        default=False,
        exclude_if=lambda seeded: not seeded,
        description="it was a test, whose answer was to another question; told when it has ended",
    )
