"""Limits retries, and hedges, to a share of the recent calls: pure.

So a failing provider gets hardly more calls than a healthy one.
"""

from collections import deque

from pydantic import Field

from pointsman_schemas.base import Value

WINDOW_S = 60


class RetryRule(Value):
    """The limit of each worker process."""

    share: float = Field(default=0.2, ge=0, le=1, description="retries of all calls in the last minute")
    floor: int = Field(default=30, ge=0, description="retries per minute that do not count against the share")


class Hedge(Value):
    """When a hedge is made, and the share of calls that may have one."""

    after_s: float = Field(gt=0, description="seconds after the first call began")
    share: float = Field(default=0.05, gt=0, le=1, description="second calls of all calls in the last minute")
    floor: int = Field(default=1, ge=0, description="per minute, not counted against the share")


class RetryBudget:
    """Counts per second; `now` is a monotonic clock in seconds."""

    def __init__(self, rule: RetryRule | Hedge) -> None:
        self._rule = rule
        self._seconds: deque[list[int]] = deque()  # second, calls, retries among them
        self._calls = 0
        self._retries = 0

    def count_call(self, now: float) -> None:
        """Count a job's first call of a target."""
        self._at(now)[1] += 1
        self._calls += 1

    def take(self, now: float) -> bool:
        """Count one more retry if the budget allows it; False if it does not."""
        this = self._at(now)
        if self._retries >= self._rule.floor + self._rule.share * self._calls:
            return False
        this[2] += 1
        self._retries += 1
        return True

    def _at(self, now: float) -> list[int]:
        second = int(now)
        while self._seconds and self._seconds[0][0] <= second - WINDOW_S:
            _, calls, retries = self._seconds.popleft()
            self._calls -= calls
            self._retries -= retries
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        return self._seconds[-1]
