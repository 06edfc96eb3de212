"""A cascade: cheap tiers answer first, and an answer that falls short sends the job up."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pointsman_schemas.base import NamedModel, TierName, Value
from pointsman_schemas.reasons import StepReason

Accept = Literal["answer", "logprob", "agreement", "model"]


class CascadePlan(Value):
    """What the policy asks of the answers below the last tier, whose own is kept as it is.

    `answer`: that it is whole. `logprob`: that its tokens are likely. `agreement`: that the first two tiers
    say the same. `model`: that a trained model finds the second tier's good enough beside the first's.
    """

    tiers: tuple[TierName, ...] = Field(min_length=2, description="in the order in which they are asked")
    accept: Accept
    threshold: float | None = Field(default=None, ge=0, le=1, description="of `logprob`: to be exceeded")
    model: NamedModel | None = None
    quality: str | None = Field(default=None, description="of `model`: the quality that it is asked for")
    on_failure: Literal["up", "end"] = Field(description="what a tier that cannot answer leads to")


class Evidence(Value):
    """What a later tier's answer is compared with: the end of what was said, and its length."""

    said: str = Field(max_length=8_000)
    tokens: float = Field(ge=0, description="characters / 4 of all that was said")
    logprob: float | None = Field(default=None, description="mean over its tokens, where it was told")


class CascadeStep(Value):
    """One tier's answer, held against what the plan asks."""

    tier: TierName
    accepted: bool
    reason: StepReason
    detail: str = Field(description="what was compared, with both sides, e.g. `0.8100 < 0.9000`")
    confidence: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    attempts: int = Field(ge=0, description="provider calls made on this tier")
    cost_usd: Decimal | None = Field(description="of these calls; null when a price is unknown")
    evidence: Evidence | None = Field(default=None, exclude_if=lambda evidence: evidence is None)
