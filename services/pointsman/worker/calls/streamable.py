"""Whether a job's answer may be streamed: only if it counts whatever it says. Pure."""

from pointsman.worker.providers_file import TierRow
from pointsman_schemas.jobs import JobRouted


def is_streamable(routed: JobRouted, tier: str, row: TierRow) -> bool:
    """The job asks for a stream, and this tier's answer is the outcome whatever it says.

    Not where a cascade judges the answer, where a person may be asked first, nor where a hedge may be made.
    """
    if (routed.job.request.__pydantic_extra__ or {}).get("stream") is not True:
        return False
    plan, review = routed.decision.cascade, routed.decision.review
    is_judged = plan is not None and tier in plan.tiers[:-1]
    is_reviewed = review is not None and any(threshold.of == "answer" for threshold in review.thresholds)
    return not (is_judged or is_reviewed or row.hedge is not None)
