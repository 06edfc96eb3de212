"""An agent's spending and rate limits from the registry, as shared budgets."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from pointsman.worker.limits.ceilings import Ceiling
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.control.registry import AgentEntry

_MINUTE_S = 60.0
#: How much later than granted a call may begin.
_SLACK_S = 3.0

#: Returns an agent's current registry entry; None if there is none.
Entries = Callable[[str], AgentEntry | None]


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """One agent's limits. `ceiling`: per day, `per_job`: in US dollars, `rate`: jobs begun per minute."""

    agent_id: str
    ceiling: Ceiling | None = None
    per_job: Decimal | None = None
    rate: int | None = None
    refuses_over_rate: bool = False

    @property
    def rate_budget(self) -> str:
        """The rate's name among the shared budgets."""
        return f"agent {self.agent_id} jobs"

    @property
    def budgets(self) -> list[str]:
        """The names of all its shared budgets."""
        own_day = [] if self.ceiling is None else [self.ceiling.budget]
        return own_day if self.rate is None else [*own_day, self.rate_budget]

    def declared(self, process: str) -> list[LimitDeclared]:
        """Return the declarations of the agent's shared budgets, made by `process`."""
        limits = [] if self.ceiling is None else [self.ceiling.declared(process)]
        if self.rate is not None:
            limits.append(
                LimitDeclared(
                    process=process,
                    budget=self.rate_budget,
                    limit=self.rate,
                    window_s=_MINUTE_S,
                    slack_s=_SLACK_S,
                    refuses=self.refuses_over_rate,
                )
            )
        return limits


def limits_of(agent_id: str, entry: AgentEntry | None) -> AgentLimits:
    """Return the limits from a registry entry; none without an entry."""
    if entry is None:
        return AgentLimits(agent_id)
    budget, ceiling, per_job = entry.budget, None, None
    if budget is not None:
        if budget.usd_per_day is not None:
            # Not validated: an agent id may contain characters that a ceiling's name in a file may not.
            ceiling = Ceiling.model_construct(
                name=f"agent {agent_id}",
                usd_per_day=Decimal(str(budget.usd_per_day)),
                tiers=(),
                agents=(agent_id,),
                when_spent="wait" if budget.when_spent == "wait" else "fail",
            )
        if budget.usd_per_job is not None:
            per_job = Decimal(str(budget.usd_per_job))
    return AgentLimits(agent_id, ceiling, per_job, entry.jobs_per_minute, entry.over_rate == "reject")
