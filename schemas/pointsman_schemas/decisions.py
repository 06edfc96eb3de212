"""Why a job went where it went: the trace of checks, the choice and the runner-up."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import TierName, Value
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.control.review_plans import ReviewPlan

Layer = Literal["admission", "rule", "score", "confidence"]


class Check(Value):
    """One check, in the order in which it was looked at."""

    layer: Layer
    name: str
    passed: bool
    detail: str = Field(description="what was compared, with both sides, e.g. `412 characters <= 2000`")


class Choice(Value):
    """A tier, the rule that names it and that rule's reason."""

    tier: TierName
    rule: str
    reason: str


class Score(Value):
    """A learned estimate that the chosen tier is sufficient, against the threshold it had to reach."""

    model: str = Field(description="name and version, e.g. `general@3f2a9c1d0b7e`")
    sufficient: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)


class SecondOpinion(Value):
    """What an embedding model said of an undecided job, per tier of the score's model, ascending.

    It is on record because its last bits may differ between processors: the decision is made again from it.
    """

    model: str = Field(description="name and version, e.g. `general@3f2a9c1d0b7e`")
    sufficient: tuple[float, ...]
    better: tuple[float, ...]
    cost: tuple[float, ...]


class Decision(Choice):
    """The router's answer for one job: same job, same policy version, same decision."""

    policy_version: str = Field(description="hash of the policy's content")
    runner_up: Choice | None = Field(description="what the next matching rule would have chosen")
    score: Score | None = None
    open_tiers: tuple[TierName, ...] | None = Field(
        default=None,
        exclude_if=lambda tiers: tiers is None,
        description="open to the agent; absent: all",
    )
    opinion: SecondOpinion | None = Field(
        default=None,
        exclude_if=lambda opinion: opinion is None,
        description="absent: none was asked, or none was to be had",
    )
    cascade: CascadePlan | None = Field(
        default=None,
        exclude_if=lambda plan: plan is None,
        description="how the answer is judged, and where the job goes when it falls short; absent: it counts",
    )
    review: ReviewPlan | None = Field(
        default=None,
        exclude_if=lambda plan: plan is None,
        description="when a person decides; absent: nobody is asked",
    )
    checks: tuple[Check, ...]
