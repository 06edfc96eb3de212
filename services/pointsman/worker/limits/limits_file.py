"""The limits in `providers.yaml`, and the shared budgets made from them: pure."""

from collections.abc import Iterator

from pydantic import Field, model_validator

from pointsman.limits.bounds import MOST_AMOUNT
from pointsman_schemas.base import Value
from pointsman_schemas.control.limits import LimitDeclared

#: How much later than its grant a call may arrive at the provider, as a share of the window.
SLACK_SHARE = 0.05
MIN_SLACK_S = 0.25


class Rate(Value):
    """A model's limit in any `per_s` seconds, for all processes together."""

    requests: int | None = Field(default=None, ge=1, le=MOST_AMOUNT)
    tokens: int | None = Field(default=None, ge=1, le=MOST_AMOUNT, description="prompt and answer")
    per_s: float = Field(default=60, ge=1, le=86_400)

    @model_validator(mode="after")
    def _limits_something(self) -> "Rate":
        if self.requests is None and self.tokens is None:
            raise ValueError("needs `requests`, `tokens` or both")
        return self


def target_of(provider: str, model: str) -> str:
    """Return the name of a provider's model as a target of limits, pauses and breakers."""
    return f"{provider}/{model}"


def declared_by(rate: Rate, target: str, process: str) -> Iterator[LimitDeclared]:
    """Yield the declarations of one target's budgets."""
    slack_s = max(MIN_SLACK_S, rate.per_s * SLACK_SHARE)
    for unit, limit in (("requests", rate.requests), ("tokens", rate.tokens)):
        if limit is not None:
            yield LimitDeclared(
                process=process,
                budget=f"{target} {unit}",
                limit=limit,
                window_s=rate.per_s,
                slack_s=slack_s,
            )
