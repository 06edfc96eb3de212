"""When a person decides: the thresholds that hold for a job, and the queues in which its case waits."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pointsman_schemas.base import TierName, Value

#: Where a confidence comes from, see docs/review.md.
ConfidenceSource = Literal["score", "logprob", "agreement", "verifier", "stated"]
#: What the confidence is in.
ReviewOf = Literal["routing", "answer"]
#: What there is of each, before a job is done and after.
SOURCES_OF: Mapping[ReviewOf, tuple[ConfidenceSource, ...]] = MappingProxyType(
    {"routing": ("score",), "answer": ("logprob", "agreement", "verifier", "stated")}
)
QueueName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=64)]
#: From 0 to 1, exactly as it is written.
Threshold = Annotated[Decimal, Field(ge=0, le=1, max_digits=19, decimal_places=18)]


class ReviewThreshold(Value):
    """A confidence of this source that does not exceed `above` sends the job to `queue`."""

    name: str = Field(min_length=1, max_length=64, description="of the policy's rule, or `agent`")
    of: ReviewOf
    source: ConfidenceSource
    above: Threshold = Field(description="what is equal, missing or no number goes to a person, too")
    queue: QueueName


class EntryThreshold(Value):
    """A threshold in an agent's entry; it holds beside the policy's."""

    of: ReviewOf = "answer"
    source: ConfidenceSource
    above: Threshold
    queue: QueueName
    kind: tuple[Kind, ...] | None = Field(default=None, max_length=256, description="of jobs; absent: all")


class ReviewQueue(Value):
    """How the cases of a queue are decided."""

    name: QueueName
    deadline_s: int = Field(ge=10, le=90 * 86_400, description="a case waits here for so long")
    then: QueueName | None = Field(default=None, description="the queue after that; null: rejected")
    people: Literal[1, 2] = Field(default=1, description="different people who must agree")
    reason: Literal["always", "changes"] = Field(
        default="changes", description="what needs a reason: every decision, or all but plain approvals"
    )
    lease_s: int = Field(default=900, ge=10, le=86_400, description="a claim lasts for so long")
    seeded_every: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        exclude_if=lambda every: every is None,
        description="after about one in so many answers that were decided there is a test case",
    )
    open_per_person: int = Field(default=10, ge=1, le=1_000, description="claims that one person may hold")


class ReviewPlan(Value):
    """What holds for one job; `queues` are those of its thresholds, and those that they lead to."""

    tiers: tuple[TierName, ...] = Field(
        min_length=1, max_length=16, description="open to the job, in order of ascending capability"
    )
    thresholds: tuple[ReviewThreshold, ...] = Field(min_length=1, max_length=64)
    queues: tuple[ReviewQueue, ...] = Field(min_length=1, max_length=64)
