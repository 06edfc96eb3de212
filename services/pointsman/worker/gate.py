"""Who of this process may call now: asks on the log for a turn, and holds to what the log answers.

Invariants:
- A call begins only on a grant that was read in the log, and only within a moment of it by the broker's own
  clock: a process that reads late, or was frozen, asks again.
- A pause that was read, or that is about to be written here, stops every call of its target at once.
- What is asked for and not used is given back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from pointsman.limits import bounds
from pointsman.limits.bounds import LONGEST_PAUSE_S, amounts
from pointsman.limits.budgets import stands_as_declared
from pointsman.limits.ledger import Answer, key_of
from pointsman.worker.agreement import Agreement, Said
from pointsman.worker.permit import Permit
from pointsman_schemas.base import Message
from pointsman_schemas.limits import (
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    Reservation,
    Settlement,
)

#: How often a process that waits says that it is there, seconds.
STILL_HERE_S = 2.0
#: How long others leave it to a ticket's owner to say that its time has come, seconds.
_OWNER_FIRST_S = 0.3
#: A record of ours that was not read for so long is taken for lost, and another is sent, seconds.
_LOST_S = 2.0
#: Long before the topic forgets it.
_DECLARED_AGAIN_S = 6 * 3600.0
_MAX_CALLS = 500
_DAILY_USE_WITHIN_MS = 5_000.0


class Gate:
    """This process's permits, budgets and pauses."""

    def __init__(self, agreement: Agreement, declared: Sequence[LimitDeclared]) -> None:
        self._all = agreement
        self._declared = declared
        # Half of the slack is for the call's way to the provider.
        self._use_within = {
            each.budget: _DAILY_USE_WITHIN_MS if each.window_s is None else each.slack_s * 500
            for each in declared
        }
        self._of_days = {each.budget for each in declared if each.window_s is None}
        self._permits: dict[str, Permit] = {}
        self._held: dict[str, float] = {}
        self._resumed: dict[str, asyncio.Event] = {}
        self._asked: list[Permit] = []
        self._settled: list[Settlement] = []
        self._calls = 0
        self._number = 0
        self._sent: dict[int, float] = {}
        self._last_sent = -STILL_HERE_S
        self._declare_again_at = 0.0
        agreement.add(self)

    # --- for calls

    def ask(self, job_id: UUID, target: str, wants: Mapping[str, int], *, elsewhere: bool = False) -> Permit:
        """Ask for leave to make a call for a job; await its events."""
        self._calls += 1
        within = min(self._use_within[name] for name in wants)
        permit = Permit(f"{job_id}:{self._calls}", target, amounts(wants), within, elsewhere)
        self._permits[permit.call] = permit
        self._asked.append(permit)
        self._all.wake()
        return permit

    def has_room(self, wants: Mapping[str, int]) -> bool:
        """Whether that much would fit now, as far as the log has been read."""
        budgets = self._all.ledger.budgets
        return all(name in budgets and budgets[name].fits(amount) for name, amount in wants.items())

    def good(self, permit: Permit | None, target: str) -> bool:
        """Whether a call may begin now; `permit` is None for one that comes under no budget."""
        if self.pause_left(target) > 0:
            return False
        if permit is None or permit.state != "granted":
            return permit is None
        return self._all.clock.at_most(self._all.now()) <= permit.granted_at + permit.use_within_ms

    def settle(self, permit: Permit, used: Mapping[str, int]) -> None:
        """The call came to that much; a budget that is not named keeps what was reserved."""
        self._permits.pop(permit.call, None)
        if permit.used:  # a day's budget is told in any case: the call is over
            used = {name: want for name, want in permit.wants.items() if name in self._of_days} | dict(used)
        if permit in self._asked:
            self._asked.remove(permit)
        elif used and permit.state not in ("refused", "dropped"):
            self._settled.append(Settlement(call=permit.call, used=dict(amounts(used))))
            self._all.wake()

    def pause(self, target: str, seconds: float) -> None:
        """The provider asked to be left alone: by us at once, by the others as soon as they read it."""
        seconds = bounds.seconds(seconds, LONGEST_PAUSE_S)
        self._held[target] = max(self._held.get(target, 0.0), self._all.now() + seconds)
        self._all.say(target, LimitPaused(process=self._all.process, target=target, seconds=seconds))

    def pause_left(self, target: str) -> float:
        """Seconds until `target` may be called; 0 for now."""
        until, now = self._all.ledger.paused_until(target), self._all.now()
        shared = (until - self._all.clock.at_least(now)) / 1000 if until else 0.0
        return max(shared, self._held.get(target, 0.0) - now, 0.0)

    async def rest(self, target: str, seconds: float) -> None:
        """Return after so many seconds, or when a person lifts the pause of `target`."""
        resumed = self._resumed.setdefault(target, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await resumed.wait()

    def refused_because(self, permit: Permit) -> str:
        """Why there will never be room for it."""
        budget = self._all.ledger.budgets.get(permit.budget)
        if budget is None:
            return f"{permit.budget} has no room for it: no such limit is in force"
        amount, limit = permit.wants[permit.budget], budget.limit
        if amount <= limit:  # today's is spent
            return f"{permit.budget} has no room for it"
        said = f"{amount:,} of {limit:,}"
        if permit.budget in self._of_days:
            said = f"${amount / 10**9:,.4f} of ${limit / 10**9:,.4f} a day"
        return f"{permit.budget} has no room for it: it may take {said}"

    def held_by(self, permit: Permit | None, target: str) -> str:
        """What holds a call up, in a few words."""
        if permit is not None:
            ticket = self._all.ledger.waiting.get(key_of(self._all.process, permit.call))
            return "the shared limits" if ticket is None else self._all.ledger.held_by(ticket)
        return f"{target} paused"

    # --- in the agreement

    def begin(self) -> None:
        """Who waited asks again; what the log holds for calls that nobody here knows of is given back."""
        for permit in list(self._permits.values()):
            if permit.state in ("asked", "queued") and permit not in self._asked:
                permit.become("dropped")
        known = {call for call, permit in self._permits.items() if permit.state == "granted"}
        known |= {each.call for each in self._settled}
        for _, message in self._all.outbox:
            known |= {each.call for each in message.calls} if isinstance(message, LimitSettled) else set()
        for call, budgets in self._all.ledger.open_calls(self._all.process).items():
            if call not in known:
                self._settled.append(Settlement(call=call, used=dict.fromkeys(budgets, 0)))
        for each in self._declared:
            if not stands_as_declared(self._all.ledger.budgets.get(each.budget), each):
                self._all.say(each.budget, each)
        self._declare_again_at = self._all.now() + _DECLARED_AGAIN_S
        self._all.say(*self._still_here())  # so that the log's time is known

    def hear(self, message: Message, answers: Sequence[Answer], at: int) -> None:
        """Move the permits on."""
        if isinstance(message, LimitReserved) and message.process == self._all.process:
            sent = self._sent.pop(message.number, None)
            if sent is not None:
                self._all.clock.saw_own(at, sent)
            for call in message.calls:
                asked = self._permits.get(call.call)
                if asked is not None and asked.state == "asked":
                    asked.become("queued")
        if isinstance(message, LimitResumed):
            self._held.pop(message.target, None)
            self._resumed.pop(message.target, asyncio.Event()).set()
        if isinstance(message, LimitPaused) or (isinstance(message, BreakerTurned) and message.to == "open"):
            for each in self._permits.values():
                if each.target == message.target and each.elsewhere:
                    each.decided.set()  # no use in waiting for room there
        for answer in answers:
            permit = self._permits.get(answer.ticket.call)
            if permit is not None:
                permit.become(answer.said, at=answer.at, budget=answer.budget)
            elif answer.said == "granted":  # asked for by a record that was written twice
                back = dict.fromkeys(answer.ticket.wants, 0)
                self._settled.append(Settlement(call=answer.ticket.call, used=back))
                self._all.wake()

    def take(self) -> list[Said]:
        """What is asked for and settled; now and then, that we are still here."""
        now = self._all.now()
        said: list[Said] = []
        if now >= self._declare_again_at:
            self._declare_again_at = now + _DECLARED_AGAIN_S
            said += [(each.budget, each) for each in self._declared]
        asked, self._asked = self._asked[:_MAX_CALLS], self._asked[_MAX_CALLS:]
        due_at = self.due_at()
        if asked or (due_at is not None and now >= due_at):
            said.append(self._still_here(asked))
        if self._settled:
            settled, self._settled = self._settled, []
            said.append((self._all.process, LimitSettled(process=self._all.process, calls=tuple(settled))))
        if self._asked:
            self._all.wake()
        return said

    def due_at(self) -> float | None:
        """When to write a record only so that the log's time goes on; None while nobody here waits."""
        if not any(permit.state == "queued" for permit in self._permits.values()):
            return None
        now = self._all.now()
        at = self._last_sent + STILL_HERE_S
        all_read = not self._sent or now - self._last_sent > _LOST_S
        if all_read and (due := self._all.ledger.next_grant()) is not None:
            late = 0.0 if due[1].process == self._all.process else _OWNER_FIRST_S
            at = min(at, now + (due[0] - self._all.clock.at_least(now)) / 1000 + late)
        return at

    def _still_here(self, asked: Sequence[Permit] = ()) -> Said:
        calls = [Reservation(call=each.call, target=each.target, wants=dict(each.wants)) for each in asked]
        self._number += 1
        now = self._all.now()
        self._sent = {number: at for number, at in self._sent.items() if now - at < _LOST_S}
        self._sent[self._number] = self._last_sent = now
        process = self._all.process
        return process, LimitReserved(process=process, number=self._number, calls=tuple(calls))
