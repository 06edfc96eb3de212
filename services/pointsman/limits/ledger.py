"""The state machine of the shared limits: folds the topic's records in order. Pure, so all processes agree.

Invariants:
- A reservation is granted only if all its budgets have room for it at the same time, and its target is not
  paused; requests for the same budget are granted in order.
- Time is the log's, and never goes back unless the broker's clock is set. Equal records give equal states.
- No record can pause, break or count anything for longer than `bounds.py` allows.
- A process that is silent for `SILENT_MS` loses its waiting requests; its grants stay counted.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Literal

from pointsman.limits.bounds import bounded
from pointsman.limits.breaker import Breaker
from pointsman.limits.budgets import Budget, Daily, declare
from pointsman.limits.standing import Standing, Ticket, as_json, key_of, read
from pointsman_schemas.base import Json, Message
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    Reservation,
    Settlement,
)

__all__ = ["SILENT_MS", "Ledger", "Ticket", "TicketAnswer", "key_of"]

#: Log time in milliseconds after which a waiting process that is silent counts as dead.
SILENT_MS = 10_000


@dataclass(frozen=True, slots=True)
class TicketAnswer:
    """The result for a ticket at `at`; `dropped`: its process was considered dead."""

    ticket: Ticket
    state: Literal["granted", "refused", "dropped"]
    at: int
    budget: str = ""


class Ledger:
    """The state machine; takes every record of the topic, in order.

    Raises:
        UnusableError: `state` is not a valid snapshot.
    """

    def __init__(self, state: Json | None = None) -> None:
        self._now = Standing() if state is None else read(state)
        self._lines: dict[str, OrderedDict[str, Ticket]] = {}
        for ticket in self._now.waiting.values():
            self._line(ticket)[ticket.key] = ticket

    @property
    def at(self) -> int:
        """The log's time, in milliseconds since 1970."""
        return self._now.at

    @property
    def budgets(self) -> dict[str, Budget]:
        """The budgets by name, as of `at`."""
        return self._now.budgets

    @property
    def waiting(self) -> dict[str, Ticket]:
        """The waiting tickets by key, in order of request."""
        return self._now.waiting

    def paused_until(self, target: str) -> int:
        """Return the end of the target's pause in milliseconds since 1970; 0 or past if there is none."""
        return self._now.paused.get(target, 0)

    def paused_since(self, target: str) -> int:
        """Return when the target's last pause began, in milliseconds since 1970; 0 if unknown."""
        return self._now.paused_since.get(target, 0)

    @property
    def targets(self) -> set[str]:
        """The targets that have been paused or counted, or are waited for."""
        waited_for = {ticket.target for ticket in self._now.waiting.values()}
        return {*self._now.paused, *self._now.breakers, *waited_for}

    def breaker(self, target: str) -> Breaker:
        """Return the target's circuit breaker, a closed one by default."""
        return self._now.breakers.setdefault(target, Breaker())

    def standing(self) -> Json:
        """Return a snapshot as JSON, from which `Ledger(snapshot)` continues."""
        return as_json(self._now)

    def fold(self, message: Message, at: int) -> list[TicketAnswer]:
        """Apply the next record with its broker time; return the answers to tickets that stop waiting.

        Raises:
            UnusableError: the record cannot be applied; nothing has changed.
        """
        message, now = bounded(message), self._now
        now.pass_to(at)
        answers: list[TicketAnswer] = []
        match message:
            case LimitDeclared():
                now.budgets[message.budget] = declare(now.budgets.get(message.budget), message)
                now.budgets[message.budget].pass_to(now.at)
            case LimitReserved():
                now.heard[message.process] = now.at
                answers += [answer for call in message.calls if (answer := self._ask(message.process, call))]
            case LimitSettled():
                now.heard[message.process] = now.at
                for call in message.calls:
                    self._settle(message.process, call)
            case LimitPaused():
                now.pause(message.target, message.seconds)
            case LimitResumed():
                now.resume(message.target)
            case BreakerCounted():
                self.breaker(message.target).count(now.at, message.ok, message.failed)
            case BreakerTurned():
                self.breaker(message.target).turn(message, now.at)
            case _:
                pass
        return [*answers, *self._drop_silent(), *self._grant()]

    def next_grant(self) -> tuple[int, Ticket] | None:
        """Return when time alone lets the next ticket through, and that ticket; None if there is none."""
        claimed: set[str] = set()
        due = []
        for ticket in self._in_turn():
            free = [self.budgets[name].fits_at(amount) for name, amount in ticket.wants.items()]
            if claimed.isdisjoint(ticket.wants):
                due.append((max(self.paused_until(ticket.target), *(at or 0 for at in free)), ticket))
            claimed |= self._claims(ticket)
        return min(due, key=lambda time_and_ticket: time_and_ticket[0], default=None)

    def held_by(self, ticket: Ticket) -> str:
        """Return what a ticket waits for: a full budget, its target's pause, or earlier tickets."""
        if self.paused_until(ticket.target) > self.at:
            return f"{ticket.target} paused"
        full = [name for name, amount in ticket.wants.items() if not self.budgets[name].fits(amount)]
        return full[0] if full else "those before it"

    def open_calls(self, process: str) -> dict[str, tuple[str, ...]]:
        """Return the process's calls that wait or have a daily budget's reservation, with their budgets."""
        mine = key_of(process, "")
        calls = {
            ticket.call: tuple(ticket.wants) for ticket in self.waiting.values() if ticket.process == process
        }
        for name, budget in self.budgets.items():
            for key in budget.reserved if isinstance(budget, Daily) else ():
                if key.startswith(mine):
                    call = key.removeprefix(mine)
                    calls[call] = (*calls.get(call, ()), name)
        return calls

    def _ask(self, process: str, call: Reservation) -> TicketAnswer | None:
        now = self._now
        ticket = Ticket(now.asked + 1, process, call.call, call.target, call.wants, now.at)
        if ticket.key in now.waiting or any(budget.holds(ticket.key) for budget in now.budgets.values()):
            return None  # the record is a duplicate
        now.asked += 1
        if unknown := next((name for name in call.wants if name not in now.budgets), ""):
            return TicketAnswer(ticket, "refused", now.at, unknown)
        now.waiting[ticket.key] = self._line(ticket)[ticket.key] = ticket
        return None

    def _settle(self, process: str, call: Settlement) -> None:
        key = key_of(process, call.call)
        if key in self._now.waiting:
            self._leave(self._now.waiting[key])
            return
        for name, amount in call.used.items():
            if name in self._now.budgets:
                self._now.budgets[name].settle(key, amount)

    def _drop_silent(self) -> Iterator[TicketAnswer]:
        now = self._now
        for process in [name for name, last_heard in now.heard.items() if last_heard < now.at - SILENT_MS]:
            del now.heard[process]
            for ticket in [waiting for waiting in now.waiting.values() if waiting.process == process]:
                self._leave(ticket)
                yield TicketAnswer(ticket, "dropped", now.at)

    def _grant(self) -> Iterator[TicketAnswer]:
        """Grant what fits, in order of request; no ticket overtakes one that waits for the same budget."""
        claimed: set[str] = set()
        for ticket in self._in_turn():
            requested = [(name, self.budgets[name], amount) for name, amount in ticket.wants.items()]
            is_open = self.paused_until(ticket.target) <= self.at and claimed.isdisjoint(ticket.wants)
            if hopeless := next((name for name, budget, amount in requested if budget.never(amount)), ""):
                self._leave(ticket)
                yield TicketAnswer(ticket, "refused", self.at, hopeless)
            elif is_open and all(budget.fits(amount) for _, budget, amount in requested):
                for _, budget, amount in requested:
                    budget.take(ticket.key, amount, self.at)
                self._leave(ticket)
                yield TicketAnswer(ticket, "granted", self.at)
            else:
                claimed |= self._claims(ticket)

    def _in_turn(self) -> Iterator[Ticket]:
        """Yield the head of each line, by number; when it has left its line, the next one follows."""
        heads = [(next(iter(line.values())).number, lane) for lane, line in self._lines.items()]
        heapify(heads)
        while heads:
            number, lane = heappop(heads)
            yield next(iter(self._lines[lane].values()))
            line = self._lines.get(lane)
            if line and (following := next(iter(line.values()))).number != number:
                heappush(heads, (following.number, lane))

    def _claims(self, ticket: Ticket) -> set[str]:
        """Return the budgets whose next room is the ticket's; none while it waits for a pause or tomorrow."""
        if self.paused_until(ticket.target) > self.at:
            return set()
        short = {name for name, amount in ticket.wants.items() if not self.budgets[name].fits(amount)}
        return short if all(self.budgets[name].within_reach(ticket.wants[name]) for name in short) else set()

    def _line(self, ticket: Ticket) -> OrderedDict[str, Ticket]:
        return self._lines.setdefault(ticket.line, OrderedDict())

    def _leave(self, ticket: Ticket) -> None:
        del self._now.waiting[ticket.key]
        line = self._lines[ticket.line]
        del line[ticket.key]
        if not line:
            del self._lines[ticket.line]
