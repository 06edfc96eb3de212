"""Sends a decided job to its tier, or to a person if the decision is not confident enough."""

from typing import NamedTuple

from pointsman.bus.codec.records import Outgoing
from pointsman.confidence.reading import ConfidenceEvidence
from pointsman.confidence.review import requested, review_of
from pointsman.router.replies import Replies
from pointsman.runtime.metrics import REVIEWS, ROUTED
from pointsman_schemas.decisions import Decision
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.jobs import Job


class Onward(NamedTuple):
    """`stopped`: the record is a review request; no tier gets the job yet."""

    record: Outgoing
    stopped: bool


def onward(replies: Replies, cause: Envelope, job: Job, decision: Decision) -> Onward:
    """Return the record that follows from a decision, and count it in the metrics."""
    review = review_of(decision.review, "routing", ConfidenceEvidence(score=decision.score))
    if review.stop is not None:
        REVIEWS.labels(review.stop.of, review.stop.source).inc()
        return Onward(replies.review(cause, requested(job, decision, review)), True)
    sent = replies.routed(cause, job, decision)
    ROUTED.labels(decision.tier, decision.rule).inc()
    return Onward(sent, False)
