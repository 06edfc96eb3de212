"""Derives a job's outcome, or the next step of its cascade, from how its calls ended: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from pointsman.cascade.completion import read_completion
from pointsman.cascade.judge import Judged, Spent, Stage, failed, judge
from pointsman.worker.calls.answer import Answer, Reject, Retry
from pointsman.worker.calls.attempts import GaveUp, NoRoom
from pointsman.worker.calls.backoff import GiveUp
from pointsman.worker.providers_file import TierRow
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import (
    JobCancelled,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobRejected,
    WorkerOutcome,
)
from pointsman_schemas.reasons import FailReason


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was cancelled."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The deadline passed; `limit`: the limit that the job waited for, if any."""

    message: str
    limit: str | None = None


Ended = Answer | Reject | GaveUp | NoRoom | Cancelled | Expired


def outcome_of(
    job: Job,
    tier: str,
    row: TierRow,
    calls: Sequence[CallFinished],
    ended: Ended,
    *,
    rule: str | None = None,
) -> WorkerOutcome:
    """Return the outcome of `job` after `calls`. `rule`: the policy rule that chose the tier."""
    about: dict[str, Any] = {
        "job_id": job.job_id,
        "agent_id": job.agent_id,
        "tier": tier,
        "attempts": len(calls),
        "cost_usd": total_cost(calls),
        "rule": rule,
        "request_digest": job.request_digest,
        "provider_ms": provider_ms(calls),
    }
    match ended:
        case Answer():
            answered = next(call for call in calls if call.status == "ok")
            return JobCompleted(
                **about,
                provider=answered.provider,
                model=ended.model or answered.model,
                usage=ended.usage,
                response=ended.response,
            )
        case Reject():
            named = {"code": ended.code, "param": ended.param}
            return JobFailed(**about, reason=ended.reason, message=ended.message, **named)
        case GaveUp(failure, GiveUp.DEADLINE):
            message = f"{failure.message} -- the next attempt would begin after the deadline"
            return JobExpired(**about, deadline=job.deadline, message=message)
        case GaveUp(failure, why):
            message = f"{failure.message} -- {_gave_up(why, row, failure.after)}"
            limit = "retry budget" if why is GiveUp.RETRY_BUDGET else None
            return JobFailed(**about, reason=failure.reason, message=message, limit=limit)
        case NoRoom(limit, reason, refused):
            message = f"{reason} -- calls made: {len(calls)}"
            if refused is not None:
                return JobRejected(**about, reason=refused, message=message, limit=limit)
            return JobFailed(**about, reason=FailReason.RATE_LIMITED, message=message, limit=limit)
        case Cancelled():
            return JobCancelled(**about, cancelled_by=ended.by, message=ended.reason)
        case Expired():
            return JobExpired(**about, deadline=job.deadline, message=ended.message, limit=ended.limit)
        case _:
            assert_never(ended)


def judged_end(stage: Stage, ended: Ended) -> Judged | None:
    """The cascade's judgement of how the calls ended; None if the job ends there regardless."""
    match ended:
        case Answer():
            return judge(stage, read_completion(ended.response))
        case GaveUp(_, GiveUp.DEADLINE):
            return None
        case Reject(message=message) | GaveUp(Retry(message=message)):
            return failed(stage, message)
        case NoRoom(reason=reason, refused=None):
            return failed(stage, reason)
        case NoRoom() | Cancelled() | Expired():
            return None
        case _:
            assert_never(ended)


def failed_internally(
    job_id: UUID,
    agent_id: str,
    tier: str,
    calls: Sequence[CallFinished],
    *,
    message: str,
    request_digest: str | None = None,
) -> JobFailed:
    """The outcome of a job that failed by a defect in pointsman."""
    return JobFailed(
        job_id=job_id,
        agent_id=agent_id,
        tier=tier,
        attempts=len(calls),
        cost_usd=total_cost(calls),
        reason=FailReason.INTERNAL,
        message=message,
        request_digest=request_digest,
    )


def spent_on(calls: Sequence[CallFinished], most_usd: Decimal | None) -> Spent:
    """Return what a tier's calls cost. `most_usd`: their maximum cost, if known."""
    cost_usd = total_cost(calls)
    return Spent(len(calls), cost_usd, most_usd if cost_usd is None else None)


def total_cost(calls: Sequence[CallFinished]) -> Decimal | None:
    """The calls' total cost in US dollars; None if one is unknown."""
    total = Decimal(0)
    for call in calls:
        if call.cost_usd is None:
            return None
        total += call.cost_usd
    return total


def provider_ms(calls: Sequence[CallFinished]) -> float | None:
    """Milliseconds during which at least one call was in flight; None without calls."""
    if not calls:
        return None
    total = ended = 0.0
    begins = min(call.started_at for call in calls)
    for call in sorted(calls, key=lambda call: call.started_at):
        start = (call.started_at - begins).total_seconds() * 1000
        end = start + call.duration_ms
        total += max(0.0, end - max(start, ended))
        ended = max(ended, end)
    return total


def _gave_up(why: GiveUp, row: TierRow, after: float | None) -> str:
    if why is GiveUp.RETRY_AFTER:
        return (
            f"it asks to wait {after:g} s, more than the tier's max_retry_after_s ({row.max_retry_after_s:g})"
        )
    if why is GiveUp.RETRY_BUDGET:
        return (
            f"not tried again: in the last minute retries made up the tier's share of calls "
            f"({row.retries.share:g}, and {row.retries.floor} more)"
        )
    return f"given up after {row.attempts} attempts"
