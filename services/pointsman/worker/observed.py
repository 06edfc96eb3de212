"""Updates the metrics for a finished job and its calls."""

from collections.abc import Sequence

from pointsman.cascade.judge import Judged
from pointsman.runtime.metrics import (
    CALL_SECONDS,
    CASCADE,
    COST,
    FINISHED,
    FIRST_EVENT_SECONDS,
    REVIEWS,
    TOKENS,
    UNPRICED,
)
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobFailed, JobRejected, WorkerOutcome
from pointsman_schemas.reviews import ReviewRequested


def observe(
    calls: Sequence[CallFinished], end: JobRouted | ReviewRequested | WorkerOutcome, tier: str
) -> None:
    """Count the end of the job on this tier, and each call's duration, tokens and cost."""
    if isinstance(end, ReviewRequested):
        REVIEWS.labels(end.stop.of, end.stop.source).inc()
    elif not isinstance(end, JobRouted):  # `observe_step` has counted an escalated job
        kind = end.TYPE.removeprefix("job.").partition(".")[0]
        FINISHED.labels(tier, kind, end.reason if isinstance(end, JobFailed | JobRejected) else "").inc()
    for call in calls:
        _observe_call(call)


def observe_step(judged: Judged) -> None:
    """Count a judged answer of a cascade."""
    step = judged.step
    CASCADE.labels(step.tier, "accepted" if step.accepted else "up", step.reason).inc()


def _observe_call(call: CallFinished) -> None:
    CALL_SECONDS.labels(call.tier, call.provider, call.model, call.status).observe(call.duration_ms / 1000)
    if call.first_event_ms is not None:
        FIRST_EVENT_SECONDS.labels(call.tier, call.provider).observe(call.first_event_ms / 1000)
    if call.usage is not None:
        TOKENS.labels(call.tier, call.model, "input").inc(call.usage.input_tokens)
        TOKENS.labels(call.tier, call.model, "output").inc(call.usage.output_tokens)
    if call.cost_usd is not None:
        COST.labels(call.tier, call.model).inc(float(call.cost_usd))
    elif call.status == "ok":
        UNPRICED.labels(call.tier, call.model).inc()
