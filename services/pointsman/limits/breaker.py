"""A target's circuit breaker, by the log's time: closed, open, or half-open with one probing process. Pure.

Invariants:
- Only records on the log open and close it, so all processes agree.
- At most one process probes at a time; a probe without a result expires.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, assert_never

from pydantic import Field

from pointsman.limits.bounds import LONGEST_OPEN_S
from pointsman_schemas.base import Value
from pointsman_schemas.control.limits import BreakerTurned

#: How long outcomes are kept, in milliseconds; no rule looks back further.
REMEMBERED_MS = 300_000
#: Each failed probe doubles the time until the next one, at most this many times.
MOST_DOUBLINGS = 3


class BreakerRule(Value):
    """When a target's breaker opens. The provider's own errors and timeouts count as failures."""

    share: float = Field(default=0.5, gt=0, le=1, description="share of failed calls at which it opens")
    calls: int = Field(default=20, ge=1, description="with fewer calls it stays closed")
    within_s: float = Field(
        default=30, gt=0, le=REMEMBERED_MS / 1000, description="window of calls that are counted, seconds"
    )
    open_s: float = Field(default=15, gt=0, le=3600, description="seconds from opening to the first probe")


@dataclass(slots=True)
class Breaker:
    """A target's breaker, open since `since`. `until`: when it may be probed, or when its probe expires."""

    state: Literal["closed", "open", "probing"] = "closed"
    until: int = 0
    prober: str = ""
    #: How many times it has opened in a row.
    times: int = 0
    since: int = 0
    #: Time of the report, successful calls, failed calls.
    counts: list[tuple[int, int, int]] = field(default_factory=list)

    def count(self, at: int, ok: int, failed: int) -> None:
        """Add the numbers of calls that a process reports."""
        self.counts = [count for count in self.counts if count[0] > at - REMEMBERED_MS]
        self.counts.append((at, ok, failed))

    def should_open(self, rule: BreakerRule, at: int) -> bool:
        """Return whether it is closed and too many recent calls have failed."""
        if self.state != "closed":
            return False
        ok, failed = _sum(count for count in self.counts if count[0] > at - rule.within_s * 1000)
        return ok + failed >= rule.calls and failed >= rule.share * (ok + failed)

    def may_probe(self, at: float) -> bool:
        """Return whether a probe is due and no process is probing."""
        return self.state != "closed" and at >= self.until

    def turn(self, turned: BreakerTurned, at: int) -> None:
        """Apply a process's record that it opens, probes or closes; ignore one that is not allowed."""
        ends_probe = self.state == "probing" and self.prober == turned.process
        match turned.to:
            case "open" if self.state == "closed" or ends_probe:
                self.since = at if self.state == "closed" else self.since
                self.state, self.until = "open", at + int(turned.seconds * 1000)
                self.prober, self.times = "", self.times + 1
                self.counts.clear()
            case "probing" if self.may_probe(at):
                self.state, self.until = "probing", at + int(turned.seconds * 1000)
                self.prober = turned.process
            case "closed" if ends_probe:
                self.state, self.prober, self.times = "closed", "", 0
            case "open" | "probing" | "closed":
                pass  # not allowed in this state
            case _:
                assert_never(turned.to)

    def open_s(self, rule: BreakerRule) -> float:
        """Return how many seconds to stay open."""
        return rule.open_s * float(2 ** min(self.times, MOST_DOUBLINGS))

    def resume(self, at: int) -> None:
        """Allow a probe now, as a person asked; a probe in progress is not affected."""
        if self.state == "open":
            self.until, self.times = at, 0

    def shift(self, by: int) -> None:
        """Move all times, as the log's clock was set."""
        self.until, self.since = self.until + by, self.since + by
        self.counts = [(at + by, ok, failed) for at, ok, failed in self.counts]

    def bound(self, at: int) -> None:
        """Clamp the values of a snapshot to their range."""
        self.until = min(self.until, at + round(LONGEST_OPEN_S * 1000))
        self.since, self.times = min(self.since, at), max(self.times, 0)
        self.counts = [(min(since, at), max(ok, 0), max(failed, 0)) for since, ok, failed in self.counts]


def _sum(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    ok = failed = 0
    for _, more_ok, more_failed in counts:
        ok, failed = ok + more_ok, failed + more_failed
    return ok, failed
