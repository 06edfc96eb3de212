"""Whether an answer counts, or a person is asked first: pure."""

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
    """The outcome, with the confidences that it was held to; or the case for a person, which proposes it.

    `spent`: on this tier. Its step travels with the case, so that it is counted wherever the job is sent.
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
    """The answer that stopped, as one that was judged."""
    return CascadeStep(
        tier=tier,
        accepted=False,
        reason=StepReason.UNSURE,
        detail=stop.detail,
        attempts=spent.attempts,
        cost_usd=spent.cost_usd,
    )
