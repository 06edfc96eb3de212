"""What a call reserves of the shared budgets, and what it used."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pointsman.worker.calls.prices import Prices
from pointsman.worker.limits.agent_limits import AgentLimits
from pointsman.worker.limits.ceilings import Ceiling, billionths, most_tokens
from pointsman.worker.limits.errors import UnknownPriceError
from pointsman.worker.limits.estimate import AnswerLength, call_tokens, prompt_tokens
from pointsman.worker.limits.limits_file import Rate, declared_by
from pointsman_schemas.base import Json
from pointsman_schemas.calls import Usage
from pointsman_schemas.control.limits import LimitDeclared


class CallReservation:
    """The budgets that apply to one target's calls in one tier."""

    def __init__(
        self, target: str, model: str, rate: Rate | None, prices: Prices, ceilings: Sequence[Ceiling] = ()
    ) -> None:
        self._target = target
        self._model = model
        self._rate = rate
        self._prices = prices
        self._ceilings = ceilings
        self._requests = f"{target} requests" if rate and rate.requests else None
        self._tokens = f"{target} tokens" if rate and rate.tokens else None
        self._answers = AnswerLength()

    def declared(self, process: str) -> list[LimitDeclared]:
        """Return the declarations of the shared budgets, made by `process`."""
        rates = declared_by(self._rate, self._target, process) if self._rate else ()
        return [*rates, *(ceiling.declared(process) for ceiling in self._ceilings)]

    def ceilings(self, agent: AgentLimits) -> list[Ceiling]:
        """Return the ceilings that apply to the agent's calls, its own last."""
        agent_ceilings = [] if agent.ceiling is None else [agent.ceiling]
        return [*(ceiling for ceiling in self._ceilings if ceiling.is_of(agent.agent_id)), *agent_ceilings]

    def most_usd(self, request: Json, at: datetime) -> Decimal:
        """Return an upper bound on the call's cost; the request must bound its answer.

        Raises:
            UnknownPriceError: the model's price is unknown.
        """
        most = self._prices.cost(self._model, most_tokens(request, self._model), at)
        if most is None:
            raise UnknownPriceError(f"the price of {self._model} is not known, so no ceiling can be kept")
        return most

    def before(
        self, request: Json, agent: AgentLimits, at: datetime, *, first: bool = False
    ) -> dict[str, int]:
        """Return the amounts to reserve; empty if no limit applies. `first`: this is the job's first call.

        Raises:
            UnknownPriceError: a ceiling applies, and the model's price is unknown.
        """
        amounts = {}
        if self._requests:
            amounts[self._requests] = 1
        if self._tokens and self._rate and self._rate.tokens:
            prompt = prompt_tokens(request, self._model)
            amounts[self._tokens] = call_tokens(prompt, self._answers.expected(request), self._rate.tokens)
        if first and agent.rate is not None:
            amounts[agent.rate_budget] = 1
        if ceilings := self.ceilings(agent):
            most = billionths(self.most_usd(request, at))
            amounts |= {ceiling.budget: most for ceiling in ceilings}
        return amounts

    def after(
        self, request: Json, usage: Usage | None, cost: Decimal | None, agent: AgentLimits
    ) -> Mapping[str, int]:
        """Return the amounts used, for those budgets where they are known to differ from the reservation."""
        used: dict[str, int] = {}
        if usage is not None and self._tokens:
            self._answers.saw(usage.output_tokens, request)
            used[self._tokens] = usage.input_tokens + usage.output_tokens
        if cost is not None:
            used |= {ceiling.budget: billionths(cost) for ceiling in self.ceilings(agent)}
        return used
