"""Decides whether an answer is accepted or a person reviews it first: pure."""

from dataclasses import asdict

from pointsman.cascade.judge import Judged, Spent
from pointsman.confidence.reading import ConfidenceEvidence
from pointsman.confidence.review import requested, review_of
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, WorkerOutcome
from pointsman_schemas.reasons import StepReason
from pointsman_schemas.reviews import ReviewRequested, ReviewStop


def reviewed(
    outcome: WorkerOutcome, routed: JobRouted, tier: str, judged: Judged | None, spent: Spent
) -> WorkerOutcome | ReviewRequested:
    """Return the outcome with its confidence checks, or a review request that proposes it.

    `spent`: on this tier. The review request includes that as a step, so that it counts wherever the job is
    sent.
    """
    plan = routed.decision.review
    if plan is None or not isinstance(outcome, JobCompleted):
        return outcome
    steps = routed.steps if judged is None else (*routed.steps, judged.step)
    evidence = ConfidenceEvidence(
        request=routed.job.request,
        response=outcome.response,
        tier=tier,
        cascade=routed.decision.cascade,
        steps=steps,
    )
    review = review_of(plan, "answer", evidence)
    completed = outcome.model_copy(update={"confidence": review.checks})
    if review.stop is None:
        return completed
    decision = routed.decision.model_copy(update={"checks": (*routed.decision.checks, *review.checks)})
    if judged is None:
        steps = (*steps, _step(tier, review.stop, spent))
    return requested(routed.job, decision, review, steps=steps, proposed=completed)


def _step(tier: str, stop: ReviewStop, spent: Spent) -> CascadeStep:
    """Return the answer under review as a cascade step that was not accepted."""
    return CascadeStep(
        tier=tier,
        accepted=False,
        reason=StepReason.UNSURE,
        detail=stop.detail,
        **asdict(spent),
    )
