"""Review cases, which people decide: requests, commands, answers, state (`jobs.review`, `reviews.*`)."""

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
#: A SHA-256 in hexadecimal.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ReasonText = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]


class ReviewStop(Value):
    """Why a job waits for a person: a threshold, and the confidence that does not exceed it."""

    rule: str = Field(min_length=1, max_length=64)
    of: ReviewOf
    source: ConfidenceSource
    value: str | None = Field(
        max_length=64, description="the confidence as it was compared; null: there is none"
    )
    threshold: Threshold
    detail: str = Field(max_length=500, description="the comparison in words, e.g. `0.94 < 0.95`")


class ReviewRequested(Message):
    """Asks for a person's decision, with everything the reviewer needs (topic `jobs.review`).

    `stop.of` says what is decided. `routing`: whether the job goes to the decision's tier. `answer`: whether
    `proposed` becomes the outcome.
    """

    type: Literal["review.requested.v1"] = "review.requested.v1"
    job: Job
    decision: Decision
    steps: tuple[CascadeStep, ...] = ()
    stop: ReviewStop
    queue: QueueName = Field(description="the first queue, one of `decision.review`")
    proposed: JobCompleted | None = Field(default=None, description="the outcome if it is approved")
    attempts: int = Field(ge=0, description="provider calls made so far")
    cost_usd: Decimal | None = Field(description="cost of these calls; null if a price is unknown")


class ReviewClaim(Message):
    """A person claims a case (topic `reviews.decided`).

    `revision` is that of the case as the person saw it.
    """

    type: Literal["review.claim.v1"] = "review.claim.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)


class ReviewRelease(Message):
    """A person releases a claimed case."""

    type: Literal["review.release.v1"] = "review.release.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)


class ReviewDecide(Message):
    """A person decides a case that they have claimed.

    `seen` is the digest of the `review.requested.v1` that was shown, so that only what was shown can be
    approved.
    """

    type: Literal["review.decide.v1"] = "review.decide.v1"
    job_id: UUID
    by: AgentId
    revision: int = Field(ge=1)
    choice: ReviewChoice
    seen: Digest
    reason: ReasonText = ""
    response: Json | None = Field(default=None, description="for `edit`: the new response body")
    tier: TierName | None = Field(default=None, description="for `send`: the tier to send the job to")


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
    """The result of a command (topic `reviews.answers`). `ce_causationid` is the command's id."""

    type: Literal["review.answered.v1"] = "review.answered.v1"
    job_id: UUID
    by: AgentId
    refused: ReviewRefusal | None = Field(description="null: the command was carried out")
    message: str = Field(max_length=1000)
    status: ReviewStatus | None = Field(description="current status of the case; null: there is no case")
    revision: int = Field(ge=0, description="current revision of the case; 0: there is no case")


class ReviewClaimed(Value):
    """Who has claimed a case, and until when."""

    by: AgentId
    since: Timestamp
    until: Timestamp


class ReviewDecision(Value):
    """A person's decision. `seconds` is the time from the claim to the decision."""

    by: AgentId
    at: Timestamp
    choice: ReviewChoice
    reason: str
    seconds: float = Field(ge=0)
    response_sha256: Digest | None = Field(
        default=None, description="for `edit`: digest of the new response body"
    )
    tier: TierName | None = None


class ReviewOrigin(Value):
    """The `review.requested.v1` that opened a case: its position and envelope."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    sha256: Digest = Field(description="digest of its value")
    id: UUID
    trace_id: str | None
    span_id: str | None
    data_subject: str | None


class ReviewChanged(Message):
    """The state of a job's case (topic `reviews.state`). The latest record of a job is the current one."""

    type: Literal["review.changed.v1"] = "review.changed.v1"
    job_id: UUID
    agent_id: AgentId
    revision: int = Field(ge=1, description="increases by one with each change")
    status: ReviewStatus
    change: str = Field(max_length=64, description="what changed it, e.g. `claimed`")
    at: Timestamp = Field(description="when it was changed")
    by: AgentId | None = Field(description="who changed it; null: a time limit")
    queue: QueueName
    deadline: Timestamp = Field(description="when the case leaves this queue")
    opened: Timestamp
    claim: ReviewClaimed | None = None
    decisions: tuple[ReviewDecision, ...] = Field(default=(), max_length=16)
    stop: ReviewStop
    origin: ReviewOrigin
    job_deadline: Timestamp | None = Field(description="the job's own deadline")
    seeded: bool = Field(
        default=False,
        exclude_if=lambda seeded: not seeded,
        description="the case was a test, with the answer to another question; set when the case has ended",
    )
