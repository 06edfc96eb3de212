"""A snapshot of the ledger's state, for a process that joins."""

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pointsman.limits.bounds import LAST_MS, LONGEST_PAUSE_S, UnusableError, amounts, whole
from pointsman.limits.breaker import Breaker
from pointsman.limits.budgets import Budget
from pointsman_schemas.base import Json

#: The log's time stands still for a record that is so much behind it, or ahead of it: no quiet is so long, as
#: the topic keeps two days. Where the next record says the same, the broker's clock was set.
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
        """Names the call among those of all processes."""
        return key_of(self.process, self.call)

    @property
    def line(self) -> str:
        """Tickets of one line differ in nothing but their amounts: only the first of them can be next."""
        return " ".join([self.target, *sorted(self.wants)])


@dataclass(slots=True)
class Standing:
    """`at` is the log's time, milliseconds since 1970, as are all times in it."""

    at: int = 0
    asked: int = 0
    budgets: dict[str, Budget] = field(default_factory=dict)
    waiting: dict[str, Ticket] = field(default_factory=dict)
    #: Target -> until when, and since when.
    paused: dict[str, int] = field(default_factory=dict)
    paused_since: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    #: Where the last record's time was, if it was not believed.
    misplaced: Literal["", "behind", "ahead"] = ""

    def pass_to(self, at: int) -> None:
        """A record has the time `at`: time goes on, or the clock was set, and all times with it."""
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
        """Nobody calls `target` for so long from now on."""
        if self.paused.get(target, 0) <= self.at:
            self.paused_since[target] = self.at
        self.paused[target] = max(self.at + int(seconds * 1000), self.paused.get(target, 0))

    def resume(self, target: str) -> None:
        """A person says that `target` may be called."""
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
    """All of it, as JSON can hold it."""
    state: Any = _STANDING.dump_python(standing, mode="json")
    return dict(state)


def read(state: Json) -> Standing:
    """What another process wrote, with every number in its range.

    Raises:
        UnusableError: it is no such state.
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
    standing.heard = {process: min(heard, at) for process, heard in standing.heard.items()}
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
    """One name for a call of one process."""
    return f"{process} {call}"
