"""The case for a person: what a job that stopped puts before whoever decides."""

from collections.abc import Sequence
from decimal import Decimal

from pointsman.confidence.review import Review
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.reviews import ReviewRequested


def requested(
    job: Job,
    decision: Decision,
    review: Review,
    *,
    steps: Sequence[CascadeStep] = (),
    proposed: JobCompleted | None = None,
) -> ReviewRequested:
    """The case of a job that `review` stopped; `proposed`: the outcome that it would have had."""
    assert review.stop is not None, "nothing stopped it"
    assert review.queue is not None, "whatever stops a job names a queue"
    return ReviewRequested(
        job=job,
        decision=decision,
        steps=tuple(steps),
        stop=review.stop,
        queue=review.queue,
        proposed=proposed,
        attempts=0 if proposed is None else proposed.attempts,
        cost_usd=Decimal(0) if proposed is None else proposed.cost_usd,
    )
