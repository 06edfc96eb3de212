"""A routing decision: the chosen tier, the runner-up and all checks."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import TierName, Value
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.control.review_plans import ReviewPlan

Layer = Literal["admission", "rule", "score", "confidence"]


class Check(Value):
    """One check of a decision. Checks are listed in the order in which they were made."""

    layer: Layer
    name: str
    passed: bool
    detail: str = Field(description="the comparison, e.g. `412 characters <= 2000`")


class Choice(Value):
    """A tier, the rule that chose it and that rule's reason."""

    tier: TierName
    rule: str
    reason: str


class Score(Value):
    """The predicted probability that the chosen tier is sufficient, and the threshold it had to reach."""

    model: str = Field(description="name and version, e.g. `general@3f2a9c1d0b7e`")
    sufficient: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)


class SecondOpinion(Value):
    """The predictions of an embedding model for an undecided job, one per tier, from least to most capable.

    They are recorded because their last bits may differ between processors: a replay uses the recorded
    values.
    """

    model: str = Field(description="name and version, e.g. `general@3f2a9c1d0b7e`")
    sufficient: tuple[float, ...]
    better: tuple[float, ...]
    cost: tuple[float, ...]


class Decision(Choice):
    """The router's decision for one job, with all it was made from but the job, so it can be repeated."""

    policy_version: str = Field(description="hash of the policy's content")
    runner_up: Choice | None = Field(description="the choice of the next matching rule with another tier")
    score: Score | None = None
    open_tiers: tuple[TierName, ...] | None = Field(
        default=None,
        exclude_if=lambda tiers: tiers is None,
        description="tiers that the agent may use; absent: all",
    )
    opinion: SecondOpinion | None = Field(
        default=None,
        exclude_if=lambda opinion: opinion is None,
        description="absent: not requested, or not available",
    )
    cascade: CascadePlan | None = Field(
        default=None,
        exclude_if=lambda plan: plan is None,
        description="how answers are judged, and where the job escalates to; absent: any answer is accepted",
    )
    review: ReviewPlan | None = Field(
        default=None,
        exclude_if=lambda plan: plan is None,
        description="when a person decides; absent: never",
    )
    checks: tuple[Check, ...]
