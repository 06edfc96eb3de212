"""Review plans: the thresholds that send a job to a person, and the queues in which its case waits."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pointsman_schemas.base import TierName, Value

#: How a confidence is measured, see docs/review.md.
ConfidenceSource = Literal["score", "logprob", "agreement", "verifier", "stated"]
#: What the confidence is about.
ReviewOf = Literal["routing", "answer"]
#: The sources that exist before a job is done (`routing`) and after (`answer`).
SOURCES_OF: Mapping[ReviewOf, tuple[ConfidenceSource, ...]] = MappingProxyType(
    {"routing": ("score",), "answer": ("logprob", "agreement", "verifier", "stated")}
)
QueueName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=64)]
#: From 0 to 1, as an exact decimal.
Threshold = Annotated[Decimal, Field(ge=0, le=1, max_digits=19, decimal_places=18)]


class ReviewThreshold(Value):
    """Sends a job to `queue` if its confidence does not exceed `above`."""

    name: str = Field(min_length=1, max_length=64, description="name of the policy's rule, or `agent`")
    of: ReviewOf
    source: ConfidenceSource
    above: Threshold = Field(description="equal, missing or non-numeric values also go to a person")
    queue: QueueName


class EntryThreshold(Value):
    """A threshold in an agent's registry entry, in addition to those of the policy."""

    of: ReviewOf = "answer"
    source: ConfidenceSource
    above: Threshold
    queue: QueueName
    kind: tuple[Kind, ...] | None = Field(
        default=None, max_length=256, description="kinds of jobs it applies to; absent: all"
    )


class ReviewQueue(Value):
    """How the cases of a queue are decided."""

    name: QueueName
    deadline_s: int = Field(ge=10, le=90 * 86_400, description="how long a case waits here")
    then: QueueName | None = Field(
        default=None, description="the queue it then moves to; null: the job is rejected"
    )
    people: Literal[1, 2] = Field(default=1, description="number of different people who must agree")
    reason: Literal["always", "changes"] = Field(
        default="changes", description="decisions that need a reason: all, or all except approvals"
    )
    lease_s: int = Field(default=900, ge=10, le=86_400, description="how long a claim lasts")
    seeded_every: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        exclude_if=lambda every: every is None,
        description="about one test case is added per this many decided answers",
    )
    open_per_person: int = Field(
        default=10, ge=1, le=1_000, description="highest number of claims per person"
    )


class ReviewPlan(Value):
    """The review rules for one job. `queues` are those of its thresholds and those that follow them."""

    tiers: tuple[TierName, ...] = Field(
        min_length=1, max_length=16, description="tiers that the job may use, from least to most capable"
    )
    thresholds: tuple[ReviewThreshold, ...] = Field(min_length=1, max_length=64)
    queues: tuple[ReviewQueue, ...] = Field(min_length=1, max_length=64)
