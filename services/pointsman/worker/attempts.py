"""One job's calls: try, wait, try again, and write down each of them."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Literal

from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import IN_FLIGHT
from pointsman.worker.answer import Answer, Failure, Reject, Result, Retry
from pointsman.worker.backoff import GiveUp, next_wait
from pointsman.worker.prices import Prices
from pointsman.worker.providers import Provider, as_sent
from pointsman.worker.providers_file import TierRow
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import FailReason

Status = Literal["ok", "retry", "reject", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The last attempt's failure, and why it was the last."""

    failure: Retry
    why: GiveUp


@dataclass(frozen=True, slots=True)
class Desk:
    """What the calls of one tier have in common; `slots` bounds how many are under way.

    Once `closing` is set no call begins: the job that would is handed back.
    """

    tier: str
    row: TierRow
    provider: Provider
    prices: Prices
    slots: asyncio.Semaphore
    clock: Clock
    closing: asyncio.Event = field(default_factory=asyncio.Event)


class Attempts:
    """The calls for one job. `calls` has those that are over, in order."""

    def __init__(self, desk: Desk, job: Job) -> None:
        self.calls: list[CallFinished] = []
        self._desk = desk
        self._job = job
        self._request: Json = {}
        self._under_way: tuple[datetime, float] | None = None

    async def run(self) -> Answer | Reject | GaveUp:
        """Call until there is an answer or no point in going on; waiting holds no slot."""
        asked = self._job.request.model_dump(mode="json", exclude_unset=True)
        self._request = as_sent(asked, self._desk.row.model)
        while True:
            result = await self._call()
            if not isinstance(result, Retry):
                self._write_down("ok" if isinstance(result, Answer) else "reject", result)
                return result
            wait = self._wait(result)
            if isinstance(wait, GiveUp):
                self._write_down("retry", result)
                return GaveUp(result, wait)
            self._write_down("retry", result, wait)
            await asyncio.sleep(wait)

    def break_off(self, status: Status, said: str, reason: FailReason | None = None) -> None:
        """Write down the call that was under way when the job was stopped, if there was one."""
        self._write_down(status, None, broken=(reason, said))

    async def _call(self) -> Result:
        desk, job = self._desk, self._job
        async with desk.slots:
            if desk.closing.is_set():
                raise asyncio.CancelledError("no call begins any more")
            self._under_way = (desk.clock(), perf_counter())
            with IN_FLIGHT.labels(desk.tier, desk.row.provider).track_inprogress():
                return await desk.provider.call(self._request, job_id=job.job_id, agent_id=job.agent_id)

    def _wait(self, failure: Retry) -> float | GiveUp:
        deadline = self._job.deadline
        left = None if deadline is None else (deadline - self._desk.clock()).total_seconds()
        return next_wait(
            self._desk.row, self._job.job_id, len(self.calls) + 1, after=failure.after, left=left
        )

    def _write_down(
        self,
        status: Status,
        result: Result | None,
        wait: float | None = None,
        broken: tuple[FailReason | None, str | None] = (None, None),
    ) -> None:
        if self._under_way is None:
            return
        started_at, started = self._under_way
        self._under_way = None
        desk = self._desk
        reason, said = (result.reason, result.message) if isinstance(result, Failure) else broken
        cost, source = self._price(result, started_at)
        self.calls.append(
            CallFinished(
                job_id=self._job.job_id,
                agent_id=self._job.agent_id,
                tier=desk.tier,
                provider=desk.row.provider,
                model=desk.row.model,
                model_answered=result.model if result else None,
                attempt=len(self.calls) + 1,
                started_at=started_at,
                duration_ms=(perf_counter() - started) * 1000,
                status=status,
                http_status=result.http_status if result else None,
                error_type=reason,
                error=said,
                retry_after_s=wait,
                request=self._request,
                response=result.response if result else None,
                usage=result.usage if result else None,
                cost_usd=cost,
                prices=source,
            )
        )

    def _price(self, result: Result | None, at: datetime) -> tuple[Decimal | None, str | None]:
        """0 for a call that was refused; unknown for one that broke off, as it may have been charged."""
        if isinstance(result, Failure) and result.unbilled:
            return Decimal(0), None
        if result is None:
            return None, None
        prices = self._desk.prices
        cost = prices.cost(result.model or self._desk.row.model, result.usage, at)
        return cost, prices.source if cost is not None else None
