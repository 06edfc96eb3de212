"""The result of an ended case: an outcome, or the job for a tier; pure."""

from datetime import datetime
from typing import assert_never

from pointsman.registry.cancellations import Cancellation
from pointsman.review.case import plan_of, queue_of
from pointsman_schemas.base import Json, Message
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCancelled, JobExpired, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import ReviewChanged, ReviewRequested


def follows(
    case: ReviewChanged,
    request: ReviewRequested,
    response: Json | None = None,
    cancelled: Cancellation | None = None,
) -> Message:
    """Return the message that results from an ended case. `response`: the body of an edit.

    Raises:
        ValueError: the case still waits.
    """
    match case.status:
        case "open" | "claimed":
            raise ValueError(f"nothing follows from a case that is {case.status}")
        case "approved":
            if request.proposed is not None:
                return request.proposed
            return JobRouted(job=request.job, decision=request.decision, steps=request.steps)
        case "edited":
            assert request.proposed is not None
            return request.proposed.model_copy(update={"response": response})
        case "sent":
            return _sent(case, request)
        case "rejected":
            return _rejected(request, _refusal(case))
        case "expired" if case.job_deadline is not None and case.change == "job expired":
            return _expired(request, case.job_deadline)
        case "expired":
            waited = queue_of(plan_of(request), case.queue).deadline_s
            return _rejected(request, f"nobody decided within {waited} s in queue {case.queue}: {_why(case)}")
        case "withdrawn":
            assert cancelled is not None
            return JobCancelled(
                **_about(request), cancelled_by=cancelled.by, message=cancelled.reason, cascade=request.steps
            )
        case _:
            assert_never(case.status)


def _sent(case: ReviewChanged, request: ReviewRequested) -> JobRouted:
    decision = case.decisions[-1]
    routed = request.decision.model_copy(
        update={
            "tier": decision.tier,
            "rule": "review",
            "reason": f"{decision.by}: {decision.reason}"[:500],
            "cascade": None,
            "runner_up": None,
        }
    )
    return JobRouted(job=request.job, decision=routed, steps=request.steps)


def _rejected(request: ReviewRequested, message: str) -> JobRejected:
    about = _about(request)
    return JobRejected(**about, reason=Reason.NOT_APPROVED, message=message, cascade=request.steps)


def _expired(request: ReviewRequested, deadline: datetime) -> JobExpired:
    about, message = _about(request), "the deadline passed while the job waited for a person"
    return JobExpired(**about, deadline=deadline, message=message, cascade=request.steps)


def _refusal(case: ReviewChanged) -> str:
    if case.change == "disagreed":
        return f"{len(case.decisions)} people did not agree: {_why(case)}"
    decision = case.decisions[-1]
    return f"{decision.by} did not approve it: {decision.reason}"


def _why(case: ReviewChanged) -> str:
    return f"{case.stop.detail} (rule {case.stop.rule})"


def _about(request: ReviewRequested) -> Json:
    return {
        "job_id": request.job.job_id,
        "agent_id": request.job.agent_id,
        "tier": request.decision.tier if request.stop.of == "answer" else None,
        "attempts": request.attempts,
        "cost_usd": request.cost_usd,
        "request_digest": request.job.request_digest,
    }
