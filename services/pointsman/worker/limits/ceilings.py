"""Daily spending limits of tiers and agents, shared by all processes; pure."""

from decimal import ROUND_CEILING, Decimal
from typing import Literal

from pydantic import Field

from pointsman.worker.limits.estimate import most_answer_tokens, most_prompt_tokens
from pointsman_schemas.base import AgentId, Json, TierName, Value
from pointsman_schemas.calls import Usage
from pointsman_schemas.control.limits import LimitDeclared

#: Money is counted in whole billionths of a US dollar.
BILLION = 1_000_000_000


class Ceiling(Value):
    """The most US dollars in a UTC day for the named tiers and agents; without names, for all."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,47}$")
    usd_per_day: Decimal = Field(gt=0, le=1_000_000)
    tiers: tuple[TierName, ...] = ()
    agents: tuple[AgentId, ...] = ()
    when_spent: Literal["fail", "wait"] = Field(
        default="fail", description="what happens to a job when the day's money is spent"
    )

    @property
    def budget(self) -> str:
        """The name of its shared budget."""
        return f"{self.name} usd"

    def is_for(self, tier: str) -> bool:
        """Whether it applies to calls of the tier, at least those of some agents."""
        return not self.tiers or tier in self.tiers

    def is_of(self, agent_id: str) -> bool:
        """Whether it applies to the agent's calls."""
        return not self.agents or agent_id in self.agents

    def declared(self, process: str) -> LimitDeclared:
        """Return the declaration of its shared budget, made by `process`."""
        return LimitDeclared(
            process=process,
            budget=self.budget,
            limit=billionths(self.usd_per_day),
            window_s=None,
            refuses=self.when_spent == "fail",
        )


def billionths(usd: Decimal) -> int:
    """Convert US dollars to billionths, rounded up so that the count is never below the cost."""
    return int((usd * BILLION).to_integral_value(ROUND_CEILING))


def bounded(request: Json, answer_tokens: int) -> Json:
    """Return the request with a bound on its answer, unless it has one already."""
    if most_answer_tokens(request) is not None:
        return request
    return {**request, "max_completion_tokens": answer_tokens}


def most_tokens(request: Json, model: str = "") -> Usage:
    """Return an upper bound on the tokens of a bounded request to `model`."""
    return Usage(
        input_tokens=most_prompt_tokens(request, model), output_tokens=most_answer_tokens(request) or 0
    )
