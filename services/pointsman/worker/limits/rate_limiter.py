"""This process's reservations in the shared limits: requests them on the log, and follows its grants.

Invariants:
- A call begins only on a grant read from the log, and only shortly after it by the broker's clock: a process
  that reads late, or was frozen, requests again.
- A pause that was read, or is about to be written, stops every call of its target at once.
- A reservation that is not used is returned.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from pointsman.limits import bounds
from pointsman.limits.budgets import stands_as_declared
from pointsman.limits.ledger import TicketAnswer, key_of
from pointsman.runtime.background import wait_at_most
from pointsman.worker.limits.grant import CallGrant
from pointsman.worker.limits.shared_limits import Keyed, SharedLimits
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import (
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    Reservation,
    Settlement,
)

#: How often a process with waiting calls writes a heartbeat, in seconds.
STILL_HERE_S = 2.0
#: How long others leave it to a ticket's owner to write the record that makes it due, in seconds.
_OWNER_FIRST_S = 0.3
#: A record of this process that was not read back for so many seconds counts as lost.
_LOST_S = 2.0
#: Declarations are repeated long before the topic's retention removes them.
_DECLARED_AGAIN_S = 6 * 3600.0
_MAX_CALLS = 500
_DAILY_USE_WITHIN_MS = 5_000.0


class RateLimiter:
    """This process's grants, budgets and pauses."""

    def __init__(self, shared_limits: SharedLimits, declared: Sequence[LimitDeclared]) -> None:
        self._shared = shared_limits
        self._declared: dict[str, LimitDeclared] = {limit.budget: limit for limit in declared}
        self._grants: dict[str, CallGrant] = {}
        self._paused_until: dict[str, float] = {}
        self._resumed: dict[str, asyncio.Event] = {}
        self._new_grants: list[CallGrant] = []
        self._settled: list[Settlement] = []
        self._calls = 0
        self._number = 0
        self._sent: dict[int, float] = {}
        self._last_sent = -STILL_HERE_S
        self._declare_again_at = 0.0

    # --- for calls

    def ask(
        self, job_id: UUID, target: str, amounts: Mapping[str, int], *, elsewhere: bool = False
    ) -> CallGrant:
        """Request a grant for a call of a job; wait for the grant's events."""
        self._calls += 1
        within = min(_use_within_ms(self._declared[name]) for name in amounts)
        grant = CallGrant(f"{job_id}:{self._calls}", target, bounds.amounts(amounts), within, elsewhere)
        self._grants[grant.call] = grant
        self._new_grants.append(grant)
        self._shared.wake()
        return grant

    def declare(self, limits: Sequence[LimitDeclared]) -> None:
        """Declare changed budgets; later requests follow the declaration in the log."""
        changed = [limit for limit in limits if self._declared.get(limit.budget) != limit]
        self._declared |= {limit.budget: limit for limit in changed}
        self._shared.say(*((limit.budget, limit) for limit in changed))

    def waiting_for(self, budget: str) -> int:
        """Return how many undecided calls of this process need the budget."""
        undecided = (grant for grant in self._grants.values() if grant.state in ("asked", "queued"))
        return sum(budget in grant.amounts for grant in undecided)

    def has_room(self, amounts: Mapping[str, int]) -> bool:
        """Whether the amounts would fit now, as far as the log was read."""
        budgets = self._shared.ledger.budgets
        return all(name in budgets and budgets[name].fits(amount) for name, amount in amounts.items())

    def good(self, grant: CallGrant | None, target: str) -> bool:
        """Whether a call may begin now. `grant`: None if no budget applies."""
        if self.pause_left(target) > 0:
            return False
        if grant is None or grant.state != "granted":
            return grant is None
        return self._shared.clock.at_most(self._shared.now()) <= grant.granted_at + grant.use_within_ms

    def settle(self, grant: CallGrant, used: Mapping[str, int]) -> None:
        """Give back what a call did not use.

        Of budgets not in `used`, a call that has begun used what it reserved.
        """
        self._grants.pop(grant.call, None)
        settled = dict.fromkeys(grant.amounts, 0)
        if grant.begun:  # daily budgets are always settled, to show that the call is over
            settled = {name: amount for name, amount in grant.amounts.items() if self._is_of_a_day(name)}
        settled.update(used)
        if grant in self._new_grants:
            self._new_grants.remove(grant)
        elif settled and grant.state not in ("refused", "dropped"):
            self._settled.append(Settlement(call=grant.call, used=dict(bounds.amounts(settled))))
            self._shared.wake()

    def pause(self, target: str, seconds: float) -> None:
        """Pause the target: in this process at once, in others when they read the record."""
        seconds = bounds.seconds(seconds, bounds.LONGEST_PAUSE_S)
        self._paused_until[target] = max(self._paused_until.get(target, 0.0), self._shared.now() + seconds)
        paused = LimitPaused(process=self._shared.process, target=target, seconds=seconds)
        self._shared.say((target, paused))

    def pause_left(self, target: str) -> float:
        """Return the seconds until `target` may be called; 0 for now."""
        until, now = self._shared.ledger.paused_until(target), self._shared.now()
        shared = (until - self._shared.clock.at_least(now)) / 1000 if until else 0.0
        return max(shared, self._paused_until.get(target, 0.0) - now, 0.0)

    async def rest(self, target: str, seconds: float) -> None:
        """Return after `seconds`, or when a person resumes `target`."""
        resumed = self._resumed.setdefault(target, asyncio.Event())
        await wait_at_most(seconds, resumed)

    def refused_because(self, grant: CallGrant) -> str:
        """Return why a budget refused the grant."""
        budget = self._shared.ledger.budgets.get(grant.budget)
        if budget is None:
            return f"{grant.budget} has no room for it: no such limit is in force"
        amount, limit = grant.amounts[grant.budget], budget.limit
        if amount <= limit:  # it fits the limit, but today's budget is spent
            return f"{grant.budget} has no room for it"
        of_limit = f"{amount:,} of {limit:,}"
        if self._is_of_a_day(grant.budget):
            of_limit = f"${amount / 10**9:,.4f} of ${limit / 10**9:,.4f} a day"
        return f"{grant.budget} has no room for it: it may take {of_limit}"

    def held_by(self, grant: CallGrant | None, target: str) -> str:
        """Return in a few words what a call waits for."""
        if grant is not None:
            ticket = self._shared.ledger.waiting.get(key_of(self._shared.process, grant.call))
            return "the shared limits" if ticket is None else self._shared.ledger.held_by(ticket)
        return f"{target} paused"

    # --- as a part of the shared limits

    def begin(self) -> Sequence[Keyed]:
        """Drop undecided grants, whose calls ask again; settle the log's open calls that are unknown here."""
        for grant in list(self._grants.values()):
            if grant.state in ("asked", "queued") and grant not in self._new_grants:
                grant.become("dropped")
        kept_calls = {call for call, grant in self._grants.items() if grant.state == "granted"}
        kept_calls |= {settlement.call for settlement in self._settled}
        for _, message in self._shared.outbox:
            kept_calls |= (
                {call.call for call in message.calls} if isinstance(message, LimitSettled) else set()
            )
        for call, budgets in self._shared.ledger.open_calls(self._shared.process).items():
            if call not in kept_calls:
                self._settled.append(Settlement(call=call, used=dict.fromkeys(budgets, 0)))
        self._declare_again_at = self._shared.now() + _DECLARED_AGAIN_S
        known_budgets = self._shared.ledger.budgets
        changed = [
            (limit.budget, limit)
            for limit in self._declared.values()
            if not stands_as_declared(known_budgets.get(limit.budget), limit)
        ]
        return [*changed, self._still_here()]  # the heartbeat makes the log's time known

    def hear(self, message: Message, answers: Sequence[TicketAnswer], at: int) -> Sequence[Keyed]:
        """Update grants and pauses from a record of the log."""
        if isinstance(message, LimitReserved) and message.process == self._shared.process:
            sent = self._sent.pop(message.number, None)
            if sent is not None:
                self._shared.clock.saw_own(at, sent)
            for call in message.calls:
                own_grant = self._grants.get(call.call)
                if own_grant is not None and own_grant.state == "asked":
                    own_grant.become("queued")
        if isinstance(message, LimitResumed):
            self._paused_until.pop(message.target, None)
            self._resumed.pop(message.target, asyncio.Event()).set()
        if isinstance(message, LimitPaused) or (isinstance(message, BreakerTurned) and message.to == "open"):
            for waiting in self._grants.values():
                if waiting.target == message.target and waiting.elsewhere:
                    waiting.decided.set()  # so that the call tries the other target
        unclaimed: list[Settlement] = []
        for answer in answers:
            grant = self._grants.get(answer.ticket.call)
            if grant is not None:
                grant.become(answer.state, at=answer.at, budget=answer.budget)
            elif answer.state == "granted":  # requested by a record that was written twice
                back = dict.fromkeys(answer.ticket.wants, 0)
                unclaimed.append(Settlement(call=answer.ticket.call, used=back))
        return [self._settlements(unclaimed)] if unclaimed else ()

    def take(self) -> list[Keyed]:
        """Return new requests and settlements, and from time to time a heartbeat."""
        now = self._shared.now()
        messages: list[Keyed] = []
        if now >= self._declare_again_at:
            self._declare_again_at = now + _DECLARED_AGAIN_S
            messages += list(self._declared.items())
        new_grants, self._new_grants = self._new_grants[:_MAX_CALLS], self._new_grants[_MAX_CALLS:]
        due_at = self.due_at()
        if new_grants or (due_at is not None and now >= due_at):
            messages.append(self._still_here(new_grants))
        if self._settled:
            settled, self._settled = self._settled, []
            messages.append(self._settlements(settled))
        if self._new_grants:
            self._shared.wake()
        return messages

    def due_at(self) -> float | None:
        """Return when to write a heartbeat, which advances the log's time; None if no call waits."""
        if not any(grant.state == "queued" for grant in self._grants.values()):
            return None
        now = self._shared.now()
        at = self._last_sent + STILL_HERE_S
        all_read = not self._sent or now - self._last_sent > _LOST_S
        if all_read and (due := self._shared.ledger.next_grant()) is not None:
            late = 0.0 if due[1].process == self._shared.process else _OWNER_FIRST_S
            at = min(at, now + (due[0] - self._shared.clock.at_least(now)) / 1000 + late)
        return at

    def _is_of_a_day(self, budget: str) -> bool:
        return self._declared[budget].window_s is None

    def _settlements(self, calls: Sequence[Settlement]) -> Keyed:
        return self._shared.process, LimitSettled(process=self._shared.process, calls=tuple(calls))

    def _still_here(self, new_grants: Sequence[CallGrant] = ()) -> Keyed:
        calls = [
            Reservation(call=grant.call, target=grant.target, wants=dict(grant.amounts))
            for grant in new_grants
        ]
        self._number += 1
        now = self._shared.now()
        self._sent = {number: at for number, at in self._sent.items() if now - at < _LOST_S}
        self._sent[self._number] = self._last_sent = now
        process = self._shared.process
        return process, LimitReserved(process=process, number=self._number, calls=tuple(calls))


def _use_within_ms(limit: LimitDeclared) -> float:
    """Return how soon after its grant a call must begin; half of the slack is for its way to the provider."""
    return _DAILY_USE_WITHIN_MS if limit.window_s is None else limit.slack_s * 500
