"""A case and its changes, from one revision to the next; pure.

Invariants:
- Every change increments the revision, and a command names the revision that it was made for: of two
  people who act on the same one, the first in the topic's order succeeds.
- Only the person who has claimed a case can decide it, before the claim's and the queue's time are over.
- A case that ends without a decision is never approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import orjson

from pointsman.review.content import why_unusable
from pointsman_schemas.base import format_time
from pointsman_schemas.control.review_plans import ReviewPlan, ReviewQueue
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.reviews import (
    ReviewChanged,
    ReviewClaim,
    ReviewClaimed,
    ReviewDecide,
    ReviewDecision,
    ReviewOrigin,
    ReviewRefusal,
    ReviewRelease,
    ReviewRequested,
    ReviewStatus,
)

#: How long an ended case is kept, so that late commands get a precise answer.
KEPT = timedelta(days=7)
#: Decisions after which a case is rejected because people do not agree.
MOST_DECISIONS = 16
WAITING: tuple[ReviewStatus, ...] = ("open", "claimed")
_STATUS: dict[str, ReviewStatus] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "send": "sent",
}


@dataclass(frozen=True, slots=True)
class RefusedCommand:
    """A command that is refused; `message` says what to do instead."""

    refusal: ReviewRefusal
    message: str


def opened(request: ReviewRequested, origin: ReviewOrigin, at: datetime, revision: int = 1) -> ReviewChanged:
    """Return the case that a request opens."""
    queue = queue_of(plan_of(request), request.queue)
    return ReviewChanged(
        job_id=request.job.job_id,
        agent_id=request.job.agent_id,
        revision=revision,
        status="open",
        change="opened",
        at=at,
        by=None,
        queue=queue.name,
        deadline=at + timedelta(seconds=queue.deadline_s),
        opened=at,
        stop=request.stop,
        origin=origin,
        job_deadline=request.job.deadline,
    )


def claimed(
    case: ReviewChanged, command: ReviewClaim, at: datetime, queue: ReviewQueue, holds: int
) -> ReviewChanged | RefusedCommand:
    """Return the case with a claim; `holds`: how many other cases the person has claimed."""
    refused = not_waiting(case) or _untimely(case, command, at)
    if refused is not None:
        return refused
    other = _claim_at(case, at)
    if other is not None and other.by != command.by:
        return RefusedCommand(
            ReviewRefusal.CLAIMED_BY_OTHER,
            f"{other.by} has claimed it until {format_time(other.until)}; take another: "
            "pointsman review next",
        )
    if any(decision.by == command.by for decision in case.decisions):
        return RefusedCommand(
            ReviewRefusal.SAME_PERSON, "you have decided it, and another person has to agree"
        )
    if holds >= queue.open_per_person:
        return RefusedCommand(
            ReviewRefusal.TOO_MANY_CLAIMS,
            f"you have claimed {holds} cases, the most in queue {queue.name}; decide or release one first",
        )
    claim = ReviewClaimed(by=command.by, since=at, until=at + timedelta(seconds=queue.lease_s))
    return _next(case, "claimed", command.by, at, status="claimed", claim=claim)


def released(case: ReviewChanged, command: ReviewRelease, at: datetime) -> ReviewChanged | RefusedCommand:
    """Return the case without its claim."""
    refused = not_waiting(case) or _untimely(case, command, at) or _not_theirs(case, command.by, at)
    if refused is not None:
        return refused
    return _next(case, "released", command.by, at, status="open", claim=None)


def decided(
    case: ReviewChanged, command: ReviewDecide, at: datetime, request: ReviewRequested
) -> ReviewChanged | RefusedCommand:
    """Return the decided case; or the open case if its queue requires a second person."""
    refused = (
        not_waiting(case)
        or _untimely(case, command, at)
        or _not_theirs(case, command.by, at)
        or _impossible(case, command, plan_of(request), queue_of(plan_of(request), case.queue))
    )
    if refused is not None:
        return refused
    assert case.claim is not None
    decision = ReviewDecision(
        by=command.by,
        at=at,
        choice=command.choice,
        reason=command.reason,
        seconds=max(0.0, (at - case.claim.since).total_seconds()),
        response_sha256=None if command.response is None else digest_of(command.response),
        tier=command.tier,
    )
    decisions = (*case.decisions, decision)
    people = queue_of(plan_of(request), case.queue).people
    if people == 1 or any(_agree(decision, other) for other in case.decisions):
        status = _STATUS[command.choice]
        return _next(case, status, command.by, at, status=status, claim=None, decisions=decisions)
    if len(decisions) == MOST_DECISIONS:
        return _next(case, "disagreed", command.by, at, status="rejected", claim=None, decisions=decisions)
    return _next(case, "first decision", command.by, at, status="open", claim=None, decisions=decisions)


def timed_out(case: ReviewChanged, now: datetime, plan: ReviewPlan) -> ReviewChanged | None:
    """Return the case after a deadline or claim has expired; None if none has."""
    if case.job_deadline is not None and now >= case.job_deadline:
        return _next(case, "job expired", None, now, status="expired", claim=None)
    if now >= case.deadline:
        following = queue_of(plan, case.queue).then
        if following is None:
            return _next(case, "queue expired", None, now, status="expired", claim=None)
        deadline = now + timedelta(seconds=queue_of(plan, following).deadline_s)
        return _next(
            case, "next queue", None, now, status="open", claim=None, queue=following, deadline=deadline
        )
    if case.claim is not None and now >= case.claim.until:
        return _next(case, "claim expired", None, now, status="open", claim=None)
    return None


def withdrawn(case: ReviewChanged, by: str, now: datetime) -> ReviewChanged:
    """Return the case of a cancelled job."""
    return _next(case, "withdrawn", by, now, status="withdrawn", claim=None)


def not_waiting(case: ReviewChanged) -> RefusedCommand | None:
    """Return why a command is refused if the case has ended; None if it waits."""
    if case.status in WAITING:
        return None
    by = f" by {case.by}" if case.by else ""
    return RefusedCommand(ReviewRefusal.NOT_OPEN, f"the case is {case.status}{by}; nothing was changed")


def plan_of(request: ReviewRequested) -> ReviewPlan:
    """Return the review plan, which every request has (see `content`)."""
    assert request.decision.review is not None
    return request.decision.review


def queue_of(plan: ReviewPlan, name: str) -> ReviewQueue:
    """Return the queue with this name; a plan describes every queue that it refers to (see `content`)."""
    return next(queue for queue in plan.queues if queue.name == name)


def envelope_of(case: ReviewChanged, id: UUID, *, source: str, type: str, at: datetime) -> Envelope:
    """Return the envelope of a message about the case, with its job and its trace."""
    return Envelope(
        id,
        source,
        type,
        at,
        case.agent_id,
        case.job_id,
        trace_id=case.origin.trace_id,
        span_id=case.origin.span_id,
        data_subject=case.origin.data_subject,
    )


def digest_of(response: object) -> str:
    """Return the SHA-256 of a body, whatever the order of its keys."""
    return sha256(orjson.dumps(response, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _next(case: ReviewChanged, change: str, by: str | None, at: datetime, **fields: object) -> ReviewChanged:
    return case.model_copy(
        update={"revision": case.revision + 1, "change": change, "by": by, "at": at, **fields}
    )


def _claim_at(case: ReviewChanged, at: datetime) -> ReviewClaimed | None:
    return case.claim if case.claim is not None and at < case.claim.until else None


def _untimely(
    case: ReviewChanged, command: ReviewClaim | ReviewRelease | ReviewDecide, at: datetime
) -> RefusedCommand | None:
    ends = min(time for time in (case.deadline, case.job_deadline) if time is not None)
    if at >= ends:
        return RefusedCommand(ReviewRefusal.NOT_OPEN, f"its time was over at {format_time(ends)}")
    if command.revision != case.revision:
        return RefusedCommand(
            ReviewRefusal.STALE_REVISION,
            f"the case has changed since ({case.change}, revision {case.revision}, yours is "
            f"{command.revision}); look at it again",
        )
    return None


def _not_theirs(case: ReviewChanged, by: str, at: datetime) -> RefusedCommand | None:
    claim = _claim_at(case, at)
    if claim is not None and claim.by == by:
        return None
    if claim is not None:
        return RefusedCommand(ReviewRefusal.CLAIMED_BY_OTHER, f"{claim.by} has claimed it")
    over = (
        "your claim is over" if case.claim is not None and case.claim.by == by else "you have not claimed it"
    )
    return RefusedCommand(
        ReviewRefusal.NOT_CLAIMED, f"{over}; claim it: pointsman review claim {case.job_id}"
    )


def _impossible(
    case: ReviewChanged, command: ReviewDecide, plan: ReviewPlan, queue: ReviewQueue
) -> RefusedCommand | None:
    if command.seen != case.origin.sha256:
        return RefusedCommand(
            ReviewRefusal.OTHER_CONTENT,
            "you decided about other content than the case has; look at it again",
        )
    if (refused := unreasoned(command, queue)) is not None:
        return refused
    problem = _unusable(case, command, plan.tiers)
    return None if problem is None else RefusedCommand(ReviewRefusal.IMPOSSIBLE_CHOICE, problem)


def unreasoned(command: ReviewDecide, queue: ReviewQueue) -> RefusedCommand | None:
    """Return a refusal if the decision needs a reason and has none."""
    if not command.reason and (queue.reason == "always" or command.choice != "approve"):
        return RefusedCommand(ReviewRefusal.REASON_MISSING, "give a reason")
    return None


def _unusable(case: ReviewChanged, command: ReviewDecide, tiers: Sequence[str]) -> str | None:
    """Return what is wrong with the choice itself."""
    if (command.response is None) == (command.choice == "edit"):
        return "an edit has a `response`, and nothing else has one"
    if (command.tier is None) == (command.choice == "send"):
        return "to send a job on needs a `tier`, and nothing else has one"
    if command.choice == "edit" and case.stop.of != "answer":
        return "there is no answer yet that could be edited: approve, reject, or send it to a tier"
    if command.tier is not None and command.tier not in tiers:
        return f"tier `{command.tier}` is not open to this job; open are {', '.join(tiers)}"
    return None if command.response is None else why_unusable(command.response)


def _agree(one: ReviewDecision, other: ReviewDecision) -> bool:
    return one.by != other.by and (one.choice, one.response_sha256, one.tier) == (
        other.choice,
        other.response_sha256,
        other.tier,
    )
