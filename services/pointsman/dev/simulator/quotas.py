"""The provider's quotas, and the headers that report what is left of them."""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from pointsman.dev.simulator import errors


class Quota(BaseModel):
    """The most requests, and tokens of prompt and answer, in any `per_s` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: PositiveInt | None = None
    tokens: PositiveInt | None = None
    per_s: PositiveFloat = 60


@dataclass(slots=True)
class Quotas:
    """Quotas by model. A call counts from its arrival; a refused call does not count."""

    rules: Mapping[str, Quota]
    _taken: defaultdict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, model: str, tokens: int, now: float) -> dict[str, str]:
        """Count the call and return OpenAI's headers for what is left; empty if the model has no quota.

        The reset time is when the oldest call no longer counts.

        Raises:
            Refusal: 429, the quota is used up; it has the same headers.
        """
        rule = self.rules.get(model)
        if rule is None:
            return {}
        used = self._taken[model]
        while used and used[0][0] <= now - rule.per_s:
            used.popleft()
        requests = None if rule.requests is None else rule.requests - len(used) - 1
        room = None if rule.tokens is None else rule.tokens - sum(amount for _, amount in used) - tokens
        fits = (requests is None or requests >= 0) and (room is None or room >= 0)
        if fits:
            used.append((now, tokens))
        back_s = used[0][0] + rule.per_s - now if used else 0.0
        headers = {}
        for unit, remaining in (("requests", requests), ("tokens", room)):
            if remaining is not None:
                headers[f"x-ratelimit-remaining-{unit}"] = str(max(0, remaining))
                headers[f"x-ratelimit-reset-{unit}"] = f"{back_s:.3f}s"
        if not fits:
            message = f"The quota of {model} is used up; the headers say when there is room again."
            raise errors.limited(message, headers)
        return headers
