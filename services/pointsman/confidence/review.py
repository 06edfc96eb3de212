"""Decides whether a person must decide: compares each threshold of a plan with its confidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from pointsman.confidence import sources
from pointsman.confidence.compare import ThresholdComparison, exceeds
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.control.review_plans import (
    ConfidenceSource,
    ReviewOf,
    ReviewPlan,
    ReviewThreshold,
)
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.reviews import ReviewRequested, ReviewStop

_READ: Mapping[ConfidenceSource, Callable[[ConfidenceEvidence], ConfidenceReading]] = MappingProxyType(
    {
        "score": sources.score,
        "logprob": sources.logprob,
        "agreement": sources.agreement,
        "verifier": sources.verifier,
        "stated": sources.stated,
    }
)


@dataclass(frozen=True, slots=True)
class Review:
    """The checks in order, and the threshold that stops the job; None: the job goes on."""

    checks: tuple[Check, ...] = ()
    stop: ReviewStop | None = None
    queue: str | None = None


def review_of(plan: ReviewPlan | None, of: ReviewOf, evidence: ConfidenceEvidence) -> Review:
    """Compare the evidence with the plan's thresholds in order, up to the first that is not exceeded."""
    checks: list[Check] = []
    for threshold in () if plan is None else plan.thresholds:
        if threshold.of != of:
            continue
        compared = _compare(threshold, evidence)
        words = f"{threshold.source}: {compared.detail}"
        checks.append(Check(layer="confidence", name=threshold.name, passed=compared.passed, detail=words))
        if not compared.passed:
            return Review(tuple(checks), _stop(threshold, compared), threshold.queue)
    return Review(tuple(checks))


def _compare(threshold: ReviewThreshold, evidence: ConfidenceEvidence) -> ThresholdComparison:
    reading = _READ[threshold.source](evidence)
    if reading.missing:
        return ThresholdComparison(False, None, reading.missing)
    return exceeds(reading.value, threshold.above)


def _stop(threshold: ReviewThreshold, compared: ThresholdComparison) -> ReviewStop:
    return ReviewStop(
        rule=threshold.name,
        of=threshold.of,
        source=threshold.source,
        value=compared.value_text,
        threshold=threshold.above,
        detail=compared.detail,
    )


def requested(
    job: Job,
    decision: Decision,
    review: Review,
    *,
    steps: Sequence[CascadeStep] = (),
    proposed: JobCompleted | None = None,
) -> ReviewRequested:
    """Return the case of a job that `review` stopped; `proposed`: the outcome that it would have had."""
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
