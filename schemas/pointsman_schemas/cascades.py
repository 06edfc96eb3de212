"""Cascades: a cheap tier answers first, and the job escalates to the next tier if the answer falls short."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pointsman_schemas.base import NamedModel, TierName, Value
from pointsman_schemas.reasons import StepReason

Accept = Literal["answer", "logprob", "agreement", "model"]


class CascadePlan(Value):
    """How the answers of a cascade are judged. The answer of the last tier is always accepted.

    An answer is accepted
    - by `answer`: if it is complete;
    - by `logprob`: if the mean log probability of its tokens is high enough;
    - by `agreement`: if the first two tiers give the same answer;
    - by `model`: if a trained model predicts that the second tier's answer is good enough, given the first's.
    """

    tiers: tuple[TierName, ...] = Field(min_length=2, description="in the order in which they answer")
    accept: Accept
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="for `logprob`: the value to exceed"
    )
    model: NamedModel | None = None
    quality: str | None = Field(default=None, description="for `model`: the required quality")
    on_failure: Literal["up", "end"] = Field(
        description="if a tier cannot answer: escalate (`up`) or fail the job (`end`)"
    )


class Evidence(Value):
    """The part of an answer that a later tier's answer is compared with."""

    said: str = Field(max_length=8_000, description="the end of the answer")
    tokens: float = Field(ge=0, description="length of the whole answer in characters, divided by 4")
    logprob: float | None = Field(default=None, description="mean over its tokens; null if not reported")


class CascadeStep(Value):
    """One tier's answer and how it was judged."""

    tier: TierName
    accepted: bool
    reason: StepReason
    detail: str = Field(description="the comparison, e.g. `0.8100 < 0.9000`")
    confidence: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    attempts: int = Field(ge=0, description="number of provider calls on this tier")
    cost_usd: Decimal | None = Field(description="cost of these calls; null if it is unknown")
    most_usd: Decimal | None = Field(
        default=None,
        exclude_if=lambda most_usd: most_usd is None,
        description="maximum cost of these calls, if their cost is unknown and `usd_per_job` applies",
    )
    evidence: Evidence | None = Field(default=None, exclude_if=lambda evidence: evidence is None)

    @property
    def counted_usd(self) -> Decimal:
        """What `usd_per_job` counts for these calls: their cost, else their maximum, else 0."""
        return self.cost_usd if self.cost_usd is not None else self.most_usd or Decimal(0)
