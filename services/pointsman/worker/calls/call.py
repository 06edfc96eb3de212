"""One call under way, and its record once it is over."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Literal

from pointsman.worker.calls.answer import Failure, Result
from pointsman.worker.calls.chunks import CallChunks
from pointsman.worker.calls.prices import Priced, Prices
from pointsman.worker.limits.call_reservation import CallReservation
from pointsman.worker.providers import Provider
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import FailReason

Status = Literal["ok", "retry", "reject", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class Target:
    """A provider's model with its prices and limits; `name` is provider/model."""

    name: str
    model: str
    provider: Provider
    prices: Prices
    reservation: CallReservation

    @property
    def embeds(self) -> bool:
        """Whether it makes embeddings, and nothing else."""
        return self.provider.row.format == "openai-embeddings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call in flight. `began_s`: by `perf_counter`."""

    target: Target
    job: Job
    tier: str
    attempt: int
    request: Json
    started_at: datetime
    chunks: CallChunks | None = None
    began_s: float = field(default_factory=perf_counter)

    def finished(
        self,
        status: Status,
        result: Result | None,
        *,
        retry_after_s: float | None = None,
        reason: FailReason | None = None,
        error: str | None = None,
    ) -> CallFinished:
        """The record of the call, now that it ended; without a `result`, `reason` and `error` say why."""
        if isinstance(result, Failure):
            reason, error = result.reason, result.message
        priced, chunks = self._priced(result), self.chunks
        first_at = None if chunks is None else chunks.first_at
        partial = None if chunks is None else chunks.partial
        return CallFinished(
            job_id=self.job.job_id,
            agent_id=self.job.agent_id,
            tier=self.tier,
            provider=self.target.provider.row.name,
            model=self.target.model,
            model_answered=result.model if result else None,
            attempt=self.attempt,
            started_at=self.started_at,
            duration_ms=(perf_counter() - self.began_s) * 1000,
            first_event_ms=None if first_at is None else (first_at - self.began_s) * 1000,
            status=status,
            http_status=result.http_status if result else None,
            error_type=reason,
            error=error,
            retry_after_s=retry_after_s,
            request=self.request,
            response=result.response if result else partial,
            response_raw=result.raw if result else None,
            usage=result.usage if result else None,
            cost_usd=_cost(result, priced),
            prices=None if priced is None else priced.source,
        )

    def cost(self, result: Result | None) -> Decimal | None:
        """0 for a refused call; None, unknown, for one that was broken off, as it may have been charged."""
        return _cost(result, self._priced(result))

    def _priced(self, result: Result | None) -> Priced | None:
        if result is None:
            return None
        model, prices = self.target.model, self.target.prices
        return prices.priced(result.model or model, result.usage, self.started_at, requested=model)


def _cost(result: Result | None, priced: Priced | None) -> Decimal | None:
    if isinstance(result, Failure) and result.unbilled:
        return Decimal(0)
    return None if priced is None else priced.usd
