"""Reads earlier decisions on similar cases."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pointsman.store.connect import fetched

#: More would not help a reviewer.
MOST = 5


@dataclass(frozen=True, slots=True)
class SimilarReview:
    """An earlier case with the same rule and agent; `value`: the confidence that was compared."""

    job_id: UUID
    ended_at: datetime
    ended_by: str | None
    choice: str
    reason: str | None
    value: str | None


async def similar_reviews(dsn: str, rule: str, agent_id: str, job_id: UUID) -> list[SimilarReview]:
    """Return the most recently decided cases, latest first.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "similar_reviews", rule, agent_id, job_id, MOST)
    return [SimilarReview(**row) for row in rows]
