"""Whether an answer counts, or a person is asked first: pure."""

from pointsman.cascade.judge import Judged
from pointsman.confidence.reading import ConfidenceEvidence
from pointsman.confidence.requested import requested
from pointsman.confidence.review import review_of
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, WorkerOutcome
from pointsman_schemas.reviews import ReviewRequested


def reviewed(
    outcome: WorkerOutcome, routed: JobRouted, tier: str, judged: Judged | None
) -> WorkerOutcome | ReviewRequested:
    """The outcome, with the confidences that it was held to; or the case for a person, which proposes it."""
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
    return requested(routed.job, decision, review, steps=steps, proposed=completed)
