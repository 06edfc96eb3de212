"""Handles one undecided job: asks for the second opinion, then routes the job.

Invariants:
- Every record becomes exactly one of: a routed job, a case for a person, or a dead letter, with an outcome if
  the job is known.
- The fallback is taken if the opinion fails, is not a number, or would come too late.
"""

import logging
from collections.abc import Awaitable, Callable

from pointsman.bus.codec.decode import Malformed, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.router.admission import Refused
from pointsman.router.onward import onward
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.review_plan import own_of
from pointsman.router.replies import Replies
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.router.scoring.second import Second, missing
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman.runtime.metrics import OPINIONS
from pointsman.score.estimate import Estimate
from pointsman.score.text import text_of
from pointsman_schemas.decisions import Check, Decision, SecondOpinion
from pointsman_schemas.jobs import JobUndecided
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: Estimates a text; slow, so it runs outside the event loop.
Give = Callable[[str], Awaitable[Estimate]]

SOURCE = "pointsman/opinion"

_BROKEN = Refused(
    Reason.INTERNAL, "the second opinion's process failed on this record, its log has the traceback"
)


class OpinionHandler:
    """The handler of the opinion's lanes."""

    def __init__(
        self,
        policy: Policy,
        topics: Topics,
        give: Give,
        clock: Clock,
        *,
        calibration: CalibrationMonitor | None = None,
        outcomes: Callable[[str], Topic] | None = None,
    ) -> None:
        """`outcomes`: returns the topic for an agent's outcomes; by default one topic for all."""
        self._policy = policy
        self._topics = topics
        self._outcomes = outcomes or (lambda _: topics.results)
        self._give = give
        self._calibration = calibration or CalibrationMonitor.of(policy)
        self._clock = clock

    async def __call__(self, record: Incoming) -> list[Outgoing]:
        """Return the routed job or the review request that follows from `record`, or its refusal."""
        replies = Replies(self._topics, self._outcomes, SOURCE, record, self._clock())
        decoded = decode(record)
        if isinstance(decoded, Malformed):
            return replies.refuse(decoded.cause, Refused(decoded.reason, decoded.message))
        if not isinstance(decoded.message, JobUndecided):
            problem = f"type {decoded.envelope.type!r} does not belong on the topic of second opinions"
            return replies.dead_letter(decoded.envelope, Refused(Reason.UNKNOWN_TYPE, problem))
        try:
            decision = await self._decide(record, decoded.message)
            return [onward(replies, decoded.envelope, decoded.message.job, decision).record]
        except Exception:
            failure(log, Event.RECORD_NOT_HANDLED, origin=record.origin)
            return replies.refuse(decoded.envelope, _BROKEN)

    async def _decide(self, record: Incoming, undecided: JobUndecided) -> Decision:
        job, first = undecided.job, undecided.decision
        suspended, opinion = self._calibration.suspended, None
        verdict = "not asked"
        if suspended is None:
            verdict, opinion = await self._ask(record, text_of(job.request.messages))
        decision = decide(
            self._policy,
            job,
            allowed=first.open_tiers,
            earlier=tuple(check for check in first.checks if check.layer == "admission"),
            suspended=suspended,
            opinion=opinion,
            thresholds=own_of(first.review),
        )
        if decision.opinion is not None:
            verdict = "kept" if decision.tier == first.tier else "moved"
        OPINIONS.labels(verdict).inc()
        return decision

    async def _ask(self, record: Incoming, text: str) -> tuple[str, SecondOpinion | Check]:
        second: Second | None = self._policy.scorer.second
        if second is None:
            return "none", missing("this policy asks for no opinion")
        waited = self._clock().timestamp() - record.timestamp_ms / 1000
        if waited > second.wait_s:
            return "late", missing(f"waited {waited:.1f} s > {second.wait_s:g} s")
        try:
            opinion = second.on_record(await self._give(text))
        except Exception as error:
            failure(log, Event.OPINION_FAILED, origin=record.origin)
            return "failed", missing(f"it failed ({type(error).__name__})")
        return ("failed", missing("it is no number")) if opinion is None else ("given", opinion)
