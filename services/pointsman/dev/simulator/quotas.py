"""What the provider takes per span of time, and the headers in which it says what is left."""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from pointsman.dev.simulator import errors


class Quota(BaseModel):
    """At most so many requests, and tokens of prompt and answer, in any `per_s` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: PositiveInt | None = None
    tokens: PositiveInt | None = None
    per_s: PositiveFloat = 60


@dataclass(slots=True)
class Quotas:
    """By model. A call counts from its arrival; one that is refused does not count."""

    rules: Mapping[str, Quota]
    _taken: defaultdict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, model: str, tokens: int, now: float) -> dict[str, str]:
        """What is left after this call, as OpenAI's headers say it; nothing where there is no quota.

        A reset is when the first room comes back.

        Raises:
            Refusal: 429, there is no room; with the same headers.
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
        for unit, left in (("requests", requests), ("tokens", room)):
            if left is not None:
                headers[f"x-ratelimit-remaining-{unit}"] = str(max(0, left))
                headers[f"x-ratelimit-reset-{unit}"] = f"{back_s:.3f}s"
        if not fits:
            message = f"The quota of {model} is used up; the headers say when there is room again."
            raise errors.limited(message, headers)
        return headers
