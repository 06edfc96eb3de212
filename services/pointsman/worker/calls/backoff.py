"""How long to wait before the next attempt, or why there is none: pure, jitter included."""

from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

from pydantic import Field

from pointsman.worker.calls.answer import Result, Retry
from pointsman_schemas.base import Value


class Pace(Value):
    """How many attempts a job has, and the waits between them, in seconds."""

    attempts: int = Field(default=4, ge=1, le=20, description="most calls per job")
    first_wait_s: float = Field(
        default=0.5, gt=0, description="the longest first wait; each next one is twice as long"
    )
    max_wait_s: float = Field(default=20, gt=0, description="longest wait between attempts")
    max_retry_after_s: float = Field(
        default=120, ge=0, description="a provider that asks for a longer wait is given up"
    )


class GiveUp(StrEnum):
    """Why there is no further attempt."""

    ATTEMPTS = "attempts"
    DEADLINE = "deadline"
    RETRY_AFTER = "retry_after"
    RETRY_BUDGET = "retry_budget"


def next_pause_s(
    pace: Pace,
    job_id: UUID,
    attempt: int,
    *,
    after: float | None,
    remaining_s: float | None,
    limited: bool = False,
) -> float | GiveUp:
    """Seconds from the end of `attempt` (from 1) until the next one.

    Exponential with full jitter, so that jobs which failed together do not retry together; deterministic for
    a job and attempt. `after`, the provider's `Retry-After`, is a floor: the jitter comes on top.
    `remaining_s`: until the deadline, None without one. A job with a deadline is not given up before it
    because of a rate limit (`limited`).
    """
    floor = after or 0.0
    if not (limited and remaining_s is not None):
        if attempt >= pace.attempts:
            return GiveUp.ATTEMPTS
        if floor > pace.max_retry_after_s:
            return GiveUp.RETRY_AFTER
    longest = min(pace.max_wait_s, pace.first_wait_s * 2 ** min(attempt - 1, 30))
    pause_s = floor + longest * _fraction(job_id, attempt)
    return GiveUp.DEADLINE if remaining_s is not None and pause_s >= remaining_s else pause_s


def requested_pause_s(result: Result) -> float:
    """Seconds for which the target asked not to be called; 0 if it did not ask."""
    after = result.after if isinstance(result, Retry) else None
    return max(after or 0.0, result.nothing_left_s or 0.0)


def _fraction(job_id: UUID, attempt: int) -> float:
    digest = blake2b(job_id.bytes + attempt.to_bytes(2, "big"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
