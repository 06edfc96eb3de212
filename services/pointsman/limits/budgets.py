"""Budgets by the log's time: a maximum in any span, or in a UTC day. Pure; amounts are integers.

Invariants:
- The granted amount never exceeds the limit, whatever is requested and however the log's time moves.
- A call that is never settled keeps its reservation.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, assert_never

from pointsman.limits.bounds import (
    LONGEST_SLACK_S,
    LONGEST_WINDOW_S,
    MOST_AMOUNT,
    MOST_OF_CALL,
    amounts,
    whole,
)
from pointsman_schemas.control.limits import LimitDeclared

#: Milliseconds of a day.
DAY_MS = 24 * 3600 * 1000
_LONGEST_SPAN_MS = round((LONGEST_WINDOW_S + LONGEST_SLACK_S) * 1000)
#: The largest sum in a snapshot: more than any limit, and within 64 bits.
_MOST_SPENT = 1000 * MOST_AMOUNT


@dataclass(slots=True)
class Sliding:
    """At most `limit` in any `span_ms` milliseconds; requests beyond it wait or are refused."""

    limit: int
    span_ms: int
    kind: Literal["sliding"] = "sliding"
    refuses: bool = False
    used: int = 0
    #: Call -> time of the grant and amount, oldest first.
    taken: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)

    def pass_to(self, at: int) -> None:
        """Advance the time: grants older than the span no longer count."""
        while self.taken:
            call, (since, amount) = next(iter(self.taken.items()))
            if since > at - self.span_ms:
                return
            del self.taken[call]
            self.used -= amount

    def fits(self, amount: int) -> bool:
        """Return whether the amount can be taken now."""
        return self.used + amount <= self.limit

    def never(self, amount: int) -> bool:
        """Return whether to refuse: it can never fit, or the budget refuses instead of waiting."""
        return amount > self.limit or (self.refuses and not self.fits(amount))

    def within_reach(self, amount: int) -> bool:
        """Return whether later requests must wait behind this one."""
        return amount <= self.limit

    def holds(self, call: str) -> bool:
        """Return whether the call's grant still counts."""
        return call in self.taken

    def take(self, call: str, amount: int, at: int) -> None:
        """Reserve the amount for a call."""
        self.taken[call] = (at, amount)
        self.used += amount

    def settle(self, call: str, amount: int) -> None:
        """Replace a call's reservation by its actual amount; a call that no longer counts is ignored."""
        if call in self.taken:
            since, reserved = self.taken[call]
            self.taken[call] = (since, amount)
            self.used += amount - reserved

    def shift(self, by: int, at: int) -> None:
        """Move all times, as the log's clock was set to `at`: grants count for as long as before."""
        self.taken = OrderedDict((call, (since + by, amount)) for call, (since, amount) in self.taken.items())

    def bound(self, at: int) -> None:
        """Clamp the values of a snapshot to their range."""
        self.limit = whole(self.limit, MOST_AMOUNT)
        self.span_ms = whole(self.span_ms, _LONGEST_SPAN_MS, 1)
        entries = (
            (call, (min(since, at), whole(amount, MOST_OF_CALL)))
            for call, (since, amount) in self.taken.items()
        )
        self.taken = OrderedDict(sorted(entries, key=lambda entry: entry[1][0]))
        self.used = sum(amount for _, amount in self.taken.values())

    def fits_at(self, amount: int) -> int | None:
        """Return when the amount fits if nothing is given back: 0 for now, None for never."""
        over = self.used + amount - self.limit
        if over <= 0:
            return 0
        for since, taken in self.taken.values():
            over -= taken
            if over <= 0:
                return since + self.span_ms
        return None


@dataclass(slots=True)
class Daily:
    """At most `limit` in a UTC day: the amounts spent, and those reserved for calls in flight."""

    limit: int
    refuses: bool
    kind: Literal["daily"] = "daily"
    day: int = 0
    spent: int = 0
    #: Spent on the previous day, in case the clock is put back.
    before: int = 0
    #: Spent, plus the reservations of calls in flight.
    used: int = 0
    #: Call -> its reservation.
    reserved: dict[str, int] = field(default_factory=dict)

    def pass_to(self, at: int) -> None:
        """Advance the time: a new day begins with nothing spent."""
        if at // DAY_MS > self.day:
            self.before = self.spent
            self.day, self.spent, self.used = at // DAY_MS, 0, 0
            self.reserved.clear()

    def fits(self, amount: int) -> bool:
        """Return whether the amount can be taken now."""
        return self.used + amount <= self.limit

    def never(self, amount: int) -> bool:
        """Return whether to refuse: it can never fit, or not today and the budget refuses."""
        return amount > self.limit or (self.refuses and self.spent + amount > self.limit)

    def within_reach(self, amount: int) -> bool:
        """Return whether later requests must wait behind this one: not if it waits for tomorrow."""
        return self.spent + amount <= self.limit

    def holds(self, call: str) -> bool:
        """Return whether the call has a reservation."""
        return call in self.reserved

    def take(self, call: str, amount: int, at: int) -> None:
        """Reserve the amount for a call."""
        self.reserved[call] = amount
        self.used += amount

    def settle(self, call: str, amount: int) -> None:
        """Replace a call's reservation by its actual amount; yesterday's calls do not count today."""
        reserved = self.reserved.pop(call, None)
        if reserved is not None:
            self.used += amount - reserved
            self.spent = min(self.spent + amount, _MOST_SPENT)

    def shift(self, by: int, at: int) -> None:
        """Set the day, as the log's clock was set to `at`; if it goes back, both days' amounts count."""
        if at // DAY_MS < self.day:
            self.used += self.before
            self.spent, self.before = min(self.spent + self.before, _MOST_SPENT), 0
        self.day = at // DAY_MS

    def bound(self, at: int) -> None:
        """Clamp the values of a snapshot to their range."""
        self.limit = whole(self.limit, MOST_AMOUNT)
        self.day = whole(self.day, at // DAY_MS)
        self.spent, self.before = whole(self.spent, _MOST_SPENT), whole(self.before, _MOST_SPENT)
        self.reserved = dict(amounts(self.reserved))
        self.used = self.spent + sum(self.reserved.values())

    def fits_at(self, amount: int) -> int | None:
        """Return when the amount fits if nothing is given back: 0 for now, else tomorrow; None for never."""
        if self.fits(amount):
            return 0
        return (self.day + 1) * DAY_MS if amount <= self.limit else None


Budget = Sliding | Daily


def stands_as_declared(budget: Budget | None, declared: LimitDeclared) -> bool:
    """Return whether `declared` would not change the budget."""
    match budget:
        case None:
            return False
        case Sliding():
            return declared.window_s is not None and (budget.limit, budget.span_ms, budget.refuses) == (
                declared.limit,
                span_ms_of(declared.window_s, declared.slack_s),
                declared.refuses,
            )
        case Daily():
            same = (budget.limit, budget.refuses) == (declared.limit, declared.refuses)
            return declared.window_s is None and same
        case _:
            assert_never(budget)


def declare(previous: Budget | None, declared: LimitDeclared) -> Budget:
    """Return the budget as declared; amounts taken from a `previous` one of the same kind stay taken."""
    if declared.window_s is None:
        daily = previous if isinstance(previous, Daily) else Daily(declared.limit, declared.refuses)
        daily.limit, daily.refuses = declared.limit, declared.refuses
        return daily
    span_ms = span_ms_of(declared.window_s, declared.slack_s)
    sliding = previous if isinstance(previous, Sliding) else Sliding(declared.limit, span_ms)
    sliding.limit, sliding.span_ms, sliding.refuses = declared.limit, span_ms, declared.refuses
    return sliding


def span_ms_of(window_s: float, slack_s: float) -> int:
    """Return the span that grants count for: calls that start up to `slack_s` later stay in the window."""
    return round((window_s + slack_s) * 1000)
