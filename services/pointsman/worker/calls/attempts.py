"""One job's calls: wait for the limits, call, back off, retry, fall back to another target; record each."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import assert_never

from pointsman.runtime.metrics import HEDGES, IN_FLIGHT, NO_ROOM
from pointsman.worker.calls.answer import Answer, Failure, Reject, Result, Retry
from pointsman.worker.calls.backoff import GiveUp, next_pause_s, requested_pause_s
from pointsman.worker.calls.call import Call, Status, Target
from pointsman.worker.calls.call_context import CallContext
from pointsman.worker.calls.chunks import JobChunks
from pointsman.worker.calls.hedging import Called, Calling, race
from pointsman.worker.calls.job_targets import JobTargets
from pointsman.worker.calls.unsuited import as_failure, is_empty
from pointsman.worker.limits.agent_limits import limits_of
from pointsman.worker.limits.call_limiter import Wait
from pointsman.worker.limits.ceilings import bounded
from pointsman.worker.limits.errors import NoRoomError, ShutError, UnknownPriceError
from pointsman.worker.limits.job_budget import JobBudget
from pointsman.worker.providers import as_sent
from pointsman.worker.providers.usage import believed
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.jobs import EMBEDDINGS, Job
from pointsman_schemas.reasons import TOO_LONG, FailReason, Reason

#: Failures that count against the provider: not those of the request, nor of our own rate.
_PROVIDER_FAULTS = {
    FailReason.SERVER_ERROR,
    FailReason.CONNECTION,
    FailReason.TIMEOUT,
    FailReason.BAD_RESPONSE,
}


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No attempt is left: the last one's failure, and why it was the last."""

    failure: Retry
    why: GiveUp


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A limit refused the next call; `reason` is for people.

    `refused`: set if the limit is the agent's own and no call was made yet: the job is rejected, not failed.
    """

    limit: str
    reason: str
    refused: Reason | None = None


class Attempts:
    """The calls for one job. `calls`: those that ended, in order; `held`: what the job last waited for."""

    def __init__(
        self,
        call_context: CallContext,
        job: Job,
        steps: Sequence[CascadeStep] = (),
        chunks: JobChunks | None = None,
    ) -> None:
        """`steps`: of the cascade's earlier tiers. `chunks`: where the answer is streamed to."""
        self.calls: list[CallFinished] = []
        self.held = Wait()
        self._call_context = call_context
        self._job = job
        self._chunks = chunks
        self._agent = limits_of(job.agent_id, call_context.entries(job.agent_id))
        self._is_begun = bool(steps)
        self._budget = JobBudget(
            tier_limit=call_context.row.usd_per_job,
            agent_limit=self._agent.per_job,
            spent_before=sum((step.counted_usd for step in steps), Decimal(0)),
        )
        self._job_request = job.request.model_dump(mode="json", exclude_unset=True)
        self._targets = JobTargets(
            call_context, self._agent, self._request, embeds=EMBEDDINGS in self._job_request
        )
        self._tried: Counter[str] = Counter()
        self._under_way: list[Call] = []

    @property
    def most_usd(self) -> Decimal | None:
        """The maximum cost of the calls so far; None if no limit on the job's cost applies."""
        return self._budget.spent if self._budget else None

    async def run(self) -> Answer | Reject | GaveUp | NoRoom:
        """Call until there is an answer, a rejection, or no attempt left; a waiting job holds no slot."""
        while True:
            target = self._targets.next()
            try:
                decisive = await self._race(target)
            except ShutError:
                self._targets.move_to_end(target)
                continue
            except NoRoomError as error:
                NO_ROOM.labels(self._call_context.tier, error.limit).inc()
                if self._targets.drop(target):
                    continue
                return NoRoom(error.limit, str(error), self._refused(error))
            call, result = decisive.call, decisive.result
            if self._is_unsuited(result) and self._targets.drop(call.target):
                if isinstance(result, Answer):
                    who = f"{call.target.provider.row.name} answered {result.http_status}"
                    empty = as_failure(result, f"{who} with an empty answer, so another model is asked")
                    self._record(call, "retry", empty)
                else:
                    self._record(call, "reject", result)
                self.break_off("cancelled", "another call came back first")
                continue
            if isinstance(result, Answer):
                self._record(call, "ok", result)
                self.break_off("cancelled", "another call answered first")
                return result
            if isinstance(result, Reject):
                self._record(call, "reject", result)
                return result
            pause_s = self._next_pause_s(call.target, result)
            if isinstance(pause_s, GiveUp):
                self._record(call, "retry", result)
                if self._targets.drop(call.target):
                    continue
                return GaveUp(result, pause_s)
            # After a fault the job waits here. A target that only asks for time is set aside: others may do.
            if result.reason is not FailReason.RATE_LIMITED and result.after is None:
                self._record(call, "retry", result, retry_after_s=pause_s)
                await asyncio.sleep(pause_s)
                continue
            self._targets.pause(call.target, pause_s)
            waits_here = not self._targets.is_another_ready(call.target)
            self._record(call, "retry", result, retry_after_s=pause_s if waits_here else None)

    def break_off(self, status: Status, error: str, reason: FailReason | None = None) -> None:
        """Record the calls that were in flight when the job was stopped."""
        for call in list(self._under_way):
            self._record(call, status, None, reason=reason, error=error)

    async def _race(self, target: Target) -> Called:
        """The call that counts: with a hedge, the first that answered, else the last that failed."""
        hedge, begun = self._call_context.row.hedge, asyncio.Event()
        if hedge is None:
            return await self._call(target, begun)
        first, second = self._call(target, begun), partial(self._hedge, target)
        *failed, last = await race(first, begun, hedge.after_s, second)
        for called in failed:
            self._record(called.call, "retry", called.result)
        return last

    def _hedge(self, target: Target) -> Calling | None:
        """The hedge: a call to the next target, or the same; None if it has no room in a budget."""
        other = self._targets.for_hedge(target)
        if not self._is_affordable(other) or not self._call_context.hedges.take(monotonic()):
            return None
        HEDGES.labels(self._call_context.tier).inc()
        return self._call(other, asyncio.Event())

    def _is_affordable(self, target: Target) -> bool:
        """Whether the job's own budget allows a call."""
        if not self._budget:
            return True
        request, now = self._request(target), self._call_context.clock()
        try:
            self._budget.check(target.reservation.most_usd(request, now))
        except (NoRoomError, UnknownPriceError):
            return False
        return True

    def _is_unsuited(self, result: Result) -> bool:
        """Whether the next target is asked because of this result, by its kind and `fallback_on`."""
        also = self._call_context.row.fallback_on
        match result:
            case Answer():
                return "empty" in also and is_empty(result)
            case Reject():
                return result.elsewhere or ("too_long" in also and result.code == TOO_LONG)
            case Retry():
                return False
            case _:
                assert_never(result)

    async def _call(self, target: Target, begun: asyncio.Event) -> Called:
        call_context, job = self._call_context, self._job
        request = self._request(target)
        amounts, most_usd = self._reserve(target, request)
        cost_usd = Decimal(0)
        try:
            acquiring = call_context.limits.acquire(
                job.job_id,
                target.name,
                amounts,
                self.held,
                after_s=self._targets.end_pause(target),
                elsewhere=None
                if self._targets.is_last()
                else partial(self._targets.is_another_ready, target),
                in_haste=job.deadline is not None,
                declared=self._agent.declared,
                most_waiting=dict.fromkeys(self._agent.budgets, call_context.row.most_waiting),
            )
            async with acquiring as acquired:
                cost_usd = most_usd  # until it is known, as where the call is cancelled
                call, result = await self._made(target, request, begun)
                cost = call.cost(result)
                if cost is not None:
                    cost_usd = cost
                call_context.limits.report(
                    acquired,
                    target.reservation.after(request, result.usage, cost, self._agent),
                    went_well=not (isinstance(result, Failure) and result.reason in _PROVIDER_FAULTS),
                    leave_alone_s=requested_pause_s(result),
                )
        finally:
            self._budget.settle(most_usd, cost_usd)
        return Called(call, result)

    async def _made(self, target: Target, request: Json, begun: asyncio.Event) -> tuple[Call, Result]:
        """Call the provider; the call is under way from here until it is recorded."""
        call_context, job = self._call_context, self._job
        if not self._tried[target.name]:
            call_context.retries.count_call(monotonic())
            call_context.hedges.count_call(monotonic())
        self._tried[target.name] += 1
        chunks = self._chunks_for(target)
        call = Call(
            target=target,
            job=job,
            tier=call_context.tier,
            attempt=self._tried.total(),
            request=request,
            started_at=call_context.clock(),
            chunks=None if chunks is None else chunks.of_call(),
        )
        self._under_way.append(call)
        begun.set()
        with IN_FLIGHT.labels(call_context.tier, target.provider.row.name).track_inprogress():
            result = await target.provider.call(
                request,
                job_id=job.job_id,
                agent_id=job.agent_id,
                in_record=job.data_subject is not None,  # see ClaimCheck
                chunks=call.chunks,
            )
        return call, believed(result, request)

    def _chunks_for(self, target: Target) -> JobChunks | None:
        return self._chunks if target.provider.row.stream else None

    def _request(self, target: Target) -> Json:
        streamed = self._chunks_for(target) is not None
        request = as_sent(self._job_request, target.model, streamed=streamed)
        if not (self._budget or target.reservation.ceilings(self._agent)):
            return request
        return bounded(request, self._call_context.row.answer_tokens)

    def _reserve(self, target: Target, request: Json) -> tuple[dict[str, int], Decimal]:
        """Reserve the call's maximum cost in the job's budget.

        Returns what the call needs of the shared budgets, and its maximum cost.

        Raises:
            NoRoomError: the job's budget does not allow it, or the model's price is unknown.
        """
        now, reservation = self._call_context.clock(), target.reservation
        is_first = not (self._is_begun or self._tried or self._under_way)
        try:
            amounts = reservation.before(request, self._agent, now, first=is_first)
            most_usd = reservation.most_usd(request, now) if self._budget else Decimal(0)
        except UnknownPriceError as error:
            raise NoRoomError("unknown price", str(error)) from error
        self._budget.reserve(most_usd)
        return amounts, most_usd

    def _refused(self, error: NoRoomError) -> Reason | None:
        """The reason to reject the job; None if it fails instead, as after its first call."""
        if self._is_begun or self._tried:
            return None
        if error.limit == self._agent.rate_budget:
            return Reason.OVER_RATE
        return Reason.OVER_BUDGET if error.of_agent or error.limit in self._agent.budgets else None

    def _next_pause_s(self, target: Target, failure: Retry) -> float | GiveUp:
        deadline = self._job.deadline
        remaining_s = None if deadline is None else (deadline - self._call_context.clock()).total_seconds()
        limited = failure.reason is FailReason.RATE_LIMITED
        pause_s = next_pause_s(
            self._call_context.row,
            self._job.job_id,
            self._tried[target.name],
            after=failure.after,
            remaining_s=remaining_s,
            limited=limited,
        )
        if isinstance(pause_s, float) and not limited and not self._call_context.retries.take(monotonic()):
            return GiveUp.RETRY_BUDGET
        return pause_s

    def _record(
        self,
        call: Call,
        status: Status,
        result: Result | None,
        *,
        retry_after_s: float | None = None,
        reason: FailReason | None = None,
        error: str | None = None,
    ) -> None:
        self._under_way.remove(call)
        self.calls.append(
            call.finished(status, result, retry_after_s=retry_after_s, reason=reason, error=error)
        )
