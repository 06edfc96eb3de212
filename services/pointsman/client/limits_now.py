"""The current state of the limits that all workers share, from the end of the `limits` topic."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pointsman.client.line import ledger_of
from pointsman.client.tiers_held import TierHeld, tiers_held
from pointsman.limits.budgets import Budget, Sliding
from pointsman.limits.ledger import Ledger
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BudgetNow:
    """A budget.

    `span_s`: its window in seconds, None for a UTC day; `limit`, `used`: in `unit`, or in dollars. `used`:
    granted amounts that still count, with the reservations of calls in flight. `waiting`: calls of all
    processes that wait for it.
    """

    budget: str
    unit: str
    span_s: float | None
    limit: float
    used: float
    waiting: int


@dataclass(frozen=True, slots=True)
class TargetNow:
    """A provider's model. `paused_s`: remaining pause that it asked for (`Retry-After`); 0 if none.

    `breaker_s`: until an open breaker may be probed, or until the probe of `prober` expires.
    """

    target: str
    waiting: int
    paused_s: float
    breaker: str
    breaker_s: float
    prober: str | None


@dataclass(frozen=True, slots=True)
class LimitsNow:
    """The state from the topic, which has only targets with records. `tiers`: of the queried workers."""

    budgets: list[BudgetNow]
    targets: list[TargetNow]
    tiers: list[TierHeld] = field(default_factory=list)


async def limits_now(kafka: KafkaPart, topics: Topics, workers: Sequence[str] = ()) -> LimitsNow:
    """Return the current limits, by this machine's clock; `workers`: as for `tiers_held`.

    Raises:
        BusError: the topic cannot be read.
        CommandError: as `tiers_held`.
    """
    tiers = await tiers_held(workers)
    limits_state = limits_at(await ledger_of(kafka, topics), round(time.time() * 1000))
    return replace(limits_state, tiers=tiers)


def limits_at(ledger: Ledger, at: int) -> LimitsNow:
    """Return the limits at `at`, in milliseconds since 1970, or at the log's time if that is later."""
    at = max(at, ledger.at)
    waiting = list(ledger.waiting.values())
    budgets = [
        _budget(name, budget, at, sum(name in ticket.wants for ticket in waiting))
        for name, budget in sorted(ledger.budgets.items())
    ]
    targets = [
        _target(name, ledger, at, sum(ticket.target == name for ticket in waiting))
        for name in sorted(ledger.targets)
    ]
    return LimitsNow(budgets, targets)


def _budget(name: str, budget: Budget, at: int, waiting: int) -> BudgetNow:
    budget.pass_to(at)
    unit = name.rpartition(" ")[2]
    if isinstance(budget, Sliding):
        return BudgetNow(name, unit, budget.span_ms / 1000, budget.limit, budget.used, waiting)
    return BudgetNow(name, unit, None, budget.limit / _BILLION, budget.used / _BILLION, waiting)


def _target(name: str, ledger: Ledger, at: int, waiting: int) -> TargetNow:
    breaker = ledger.breaker(name)
    breaker_s = 0.0 if breaker.state == "closed" else max(0, breaker.until - at) / 1000
    paused_s = max(0, ledger.paused_until(name) - at) / 1000
    return TargetNow(name, waiting, paused_s, breaker.state, breaker_s, breaker.prober or None)
