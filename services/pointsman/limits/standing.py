"""A snapshot of the ledger's state, for a joining process."""

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pointsman.limits.bounds import LAST_MS, LONGEST_PAUSE_S, UnusableError, amounts, whole
from pointsman.limits.breaker import Breaker
from pointsman.limits.budgets import Budget
from pointsman_schemas.base import Json

#: A record this far behind or ahead does not change the log's time: no gap is so long, as the topic keeps two
#: days. If the next record agrees with it, the broker's clock was set.
BEHIND_MS = 60_000
AHEAD_MS = 3 * 24 * 3600 * 1000
LONGEST_PAUSE_MS = round(LONGEST_PAUSE_S * 1000)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A waiting reservation; `number`: its place in the queue."""

    number: int
    process: str
    call: str
    target: str
    wants: dict[str, int]
    asked_at: int

    @property
    def key(self) -> str:
        """The call's name among the calls of all processes."""
        return key_of(self.process, self.call)

    @property
    def line(self) -> str:
        """The ticket's line: tickets of a line differ in amounts only, so only the first can be next."""
        return " ".join([self.target, *sorted(self.wants)])


@dataclass(slots=True)
class Standing:
    """The state. `at`: the log's time; all times in it are in milliseconds since 1970."""

    at: int = 0
    asked: int = 0
    budgets: dict[str, Budget] = field(default_factory=dict)
    waiting: dict[str, Ticket] = field(default_factory=dict)
    #: Target -> end of its pause, and its start.
    paused: dict[str, int] = field(default_factory=dict)
    paused_since: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    #: Where the last record's time was, if it was ignored.
    misplaced: Literal["", "behind", "ahead"] = ""

    def pass_to(self, at: int) -> None:
        """Advance to the time `at` of a record. If the broker's clock was set, move all times with it."""
        at = whole(at, LAST_MS)
        if at == 0:
            return  # a record without a time
        misplaced: Literal["", "behind", "ahead"] = ""
        if self.at and at < self.at - BEHIND_MS:
            misplaced = "behind"
        elif self.at and at > self.at + AHEAD_MS:
            misplaced = "ahead"
        if misplaced and misplaced == self.misplaced:
            self._shift(at - self.at, at)
            misplaced = ""
        elif not misplaced:
            self.at = max(self.at, at)
        self.misplaced = misplaced
        for budget in self.budgets.values():
            budget.pass_to(self.at)

    def pause(self, target: str, seconds: float) -> None:
        """Pause calls to `target` for this many seconds from now."""
        if self.paused.get(target, 0) <= self.at:
            self.paused_since[target] = self.at
        self.paused[target] = max(self.at + int(seconds * 1000), self.paused.get(target, 0))

    def resume(self, target: str) -> None:
        """End the pause of `target`, as a person asked."""
        self.paused.pop(target, None)
        self.paused_since.pop(target, None)
        if target in self.breakers:
            self.breakers[target].resume(self.at)

    def _shift(self, by: int, at: int) -> None:
        self.at = at
        for budget in self.budgets.values():
            budget.shift(by, at)
        for breaker in self.breakers.values():
            breaker.shift(by)
        for times in (self.paused, self.paused_since, self.heard):
            times.update({name: time + by for name, time in times.items()})


_STANDING = TypeAdapter(Standing)


def as_json(standing: Standing) -> Json:
    """Return the state as JSON."""
    state: Any = _STANDING.dump_python(standing, mode="json")
    return dict(state)


def read(state: Json) -> Standing:
    """Read a snapshot from another process, with every number clamped to its range.

    Raises:
        UnusableError: it is not a valid snapshot.
    """
    try:
        standing = _STANDING.validate_python(state)
    except ValidationError as error:
        raise UnusableError(f"not a standing state: {error.error_count()} errors in it") from error
    standing.at = at = whole(standing.at, LAST_MS)
    for budget in standing.budgets.values():
        budget.bound(at)
    for breaker in standing.breakers.values():
        breaker.bound(at)
    standing.paused = {target: min(until, at + LONGEST_PAUSE_MS) for target, until in standing.paused.items()}
    standing.paused_since = {target: min(since, at) for target, since in standing.paused_since.items()}
    standing.heard = {process: min(last_heard, at) for process, last_heard in standing.heard.items()}
    names = standing.budgets.keys()
    tickets = [_bounded(ticket) for ticket in standing.waiting.values() if ticket.wants.keys() <= names]
    in_turn = {ticket.number: ticket for ticket in sorted(tickets, key=attrgetter("number"))}
    standing.waiting = {ticket.key: ticket for ticket in in_turn.values()}
    standing.asked = max(whole(standing.asked, 1 << 62), *in_turn, 0)
    return standing


def _bounded(ticket: Ticket) -> Ticket:
    number = whole(ticket.number, 1 << 62)
    return Ticket(
        number, ticket.process, ticket.call, ticket.target, dict(amounts(ticket.wants)), ticket.asked_at
    )


def key_of(process: str, call: str) -> str:
    """Return the name of a process's call among the calls of all processes."""
    return f"{process} {call}"
