"""One job's calls: wait for a turn, try, wait, try again, try elsewhere, and write down each of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic

from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import IN_FLIGHT, NO_ROOM, PAUSED
from pointsman.worker.answer import Answer, Failure, Reject, Result, Retry
from pointsman.worker.backoff import GiveUp, next_wait
from pointsman.worker.breakers import Breakers, ShutError
from pointsman.worker.call import Call, Status, Target
from pointsman.worker.ceilings import bounded
from pointsman.worker.gate import Gate
from pointsman.worker.providers import as_sent
from pointsman.worker.providers_file import TierRow
from pointsman.worker.retry_budget import RetryBudget
from pointsman.worker.turnstile import NoRoomError, Turnstile, Wait
from pointsman.worker.wants import UnknownPriceError
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import FailReason

#: What speaks of the provider's health, not of the request or of our own haste.
_OF_THE_PROVIDER = {
    FailReason.SERVER_ERROR,
    FailReason.CONNECTION,
    FailReason.TIMEOUT,
    FailReason.BAD_RESPONSE,
}
#: Refusals that another provider need not share.
_OF_THE_TARGET = {FailReason.AUTHENTICATION, FailReason.MODEL_NOT_FOUND}


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The last attempt's failure, and why it was the last."""

    failure: Retry
    why: GiveUp


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A limit let no call through; `said` tells how."""

    limit: str
    said: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What the calls of one tier have in common; `targets` in the order in which they are tried.

    Once `closing` is set no call begins: the job that would is handed back.
    """

    tier: str
    row: TierRow
    targets: Sequence[Target]
    turnstile: Turnstile
    gate: Gate
    breakers: Breakers
    retries: RetryBudget
    clock: Clock
    closing: asyncio.Event


class Attempts:
    """The calls for one job. `calls` has those that are over, in order; `wait` what held the job up last."""

    def __init__(self, desk: Desk, job: Job) -> None:
        self.calls: list[CallFinished] = []
        self.wait = Wait()
        self._desk = desk
        self._job = job
        self._asked = job.request.model_dump(mode="json", exclude_unset=True)
        self._left = list(desk.targets)
        self._tried: Counter[str] = Counter()
        self._spent = self._most = Decimal(0)
        self._under_way: Call | None = None

    async def run(self) -> Answer | Reject | GaveUp | NoRoom:
        """Call until there is an answer or no point in going on; waiting holds no slot."""
        while True:
            target = self._next_target()
            try:
                result = await self._call(target)
            except ShutError:
                continue
            except NoRoomError as error:
                NO_ROOM.labels(self._desk.tier, error.limit).inc()
                if self._go_on_without(target):
                    continue
                return NoRoom(error.limit, str(error))
            if isinstance(result, Answer):
                self._write_down("ok", result)
                return result
            if isinstance(result, Reject):
                self._write_down("reject", result)
                if result.reason in _OF_THE_TARGET and self._go_on_without(target):
                    continue
                return result
            wait = self._wait(target, result)
            if isinstance(wait, GiveUp):
                self._write_down("retry", result)
                if self._go_on_without(target):
                    continue
                return GaveUp(result, wait)
            self._write_down("retry", result, wait=wait)
            await asyncio.sleep(wait)

    def break_off(self, status: Status, said: str, reason: FailReason | None = None) -> None:
        """Write down the call that was under way when the job was stopped, if there was one."""
        self._write_down(status, None, reason=reason, said=said)

    def _next_target(self) -> Target:
        """The first that may be called now; where none may, the first."""
        passable = (target for target in self._left if self._desk.breakers.passable(target.name))
        return next(passable, self._left[0])

    def _go_on_without(self, target: Target) -> bool:
        """Whether there is another to be tried."""
        if len(self._left) == 1:
            return False
        self._left.remove(target)
        return True

    async def _call(self, target: Target) -> Result:
        desk, job = self._desk, self._job
        request = self._request(target)
        wants = self._reserved(target, request)
        others = [other.name for other in self._left if other is not target]
        async with desk.turnstile.turn(job.job_id, target.name, wants, self.wait, others=others) as turn:
            if not self._tried[target.name]:
                desk.retries.called(monotonic())
            self._tried[target.name] += 1
            self._under_way = call = Call(
                target=target,
                job=job,
                tier=desk.tier,
                attempt=len(self.calls) + 1,
                request=request,
                started_at=desk.clock(),
            )
            with IN_FLIGHT.labels(desk.tier, target.provider.row.name).track_inprogress():
                result = await target.provider.call(request, job_id=job.job_id, agent_id=job.agent_id)
            cost = call.cost(result)
            turn.used = target.wants.after(result.usage, cost)
            self._spent += self._most if cost is None else cost
            turn.went_well = not (isinstance(result, Failure) and result.reason in _OF_THE_PROVIDER)
            if isinstance(result, Retry) and result.after:
                PAUSED.labels(target.name).inc()
                desk.gate.pause(target.name, result.after)
        return result

    def _request(self, target: Target) -> Json:
        request, row = as_sent(self._asked, target.model), self._desk.row
        if row.usd_per_job is None and not target.wants.ceilings(self._job.agent_id):
            return request
        return bounded(request, row.answer_tokens)

    def _reserved(self, target: Target, request: Json) -> dict[str, int]:
        """What the next call may need of the shared budgets, if the job's own money allows it."""
        row, now = self._desk.row, self._desk.clock()
        try:
            if row.usd_per_job is not None:
                self._most = target.wants.most_usd(request, now)
                if self._spent + self._most > row.usd_per_job:
                    said = f"a call may cost ${self._most:f}, and ${self._spent:f} of the job's are spent"
                    raise NoRoomError("usd_per_job", f"{said} (usd_per_job is ${row.usd_per_job:f})")
            return target.wants.before(request, self._job.agent_id, now)
        except UnknownPriceError as error:
            raise NoRoomError("unknown price", str(error)) from error

    def _wait(self, target: Target, failure: Retry) -> float | GiveUp:
        deadline = self._job.deadline
        left = None if deadline is None else (deadline - self._desk.clock()).total_seconds()
        limited = failure.reason is FailReason.RATE_LIMITED
        wait = next_wait(
            self._desk.row,
            self._job.job_id,
            self._tried[target.name],
            after=failure.after,
            left=left,
            limited=limited,
        )
        if isinstance(wait, float) and not limited and not self._desk.retries.may_retry(monotonic()):
            return GiveUp.RETRY_BUDGET
        return wait

    def _write_down(
        self,
        status: Status,
        result: Result | None,
        *,
        wait: float | None = None,
        reason: FailReason | None = None,
        said: str | None = None,
    ) -> None:
        if self._under_way is not None:
            self.calls.append(self._under_way.over(status, result, wait=wait, reason=reason, said=said))
            self._under_way = None
