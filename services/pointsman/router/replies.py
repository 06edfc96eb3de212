"""The records that the router makes: each follows from one record of the intake, with ids derived from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from pointsman.bus.codec.claimed import dataref
from pointsman.bus.codec.emit import dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman_schemas.base import Message, Timestamp
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.decisions import Decision
from pointsman_schemas.envelope import Envelope, follow_with
from pointsman_schemas.jobs import Job, JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobExpired, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import ReviewRequested
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

#: Where a record came to nothing, on dead letters and in metrics.
STAGE = "router"


@dataclass(frozen=True, slots=True)
class Replies:
    """What can be said to one record; `cause` is the record's envelope, with job and agent filled in.

    `outcomes`: the topic for the outcomes of an agent's jobs.
    """

    topics: Topics
    outcomes: Callable[[str], Topic]
    source: str
    record: Incoming
    now: datetime

    def routed(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """The job on its tier's topic; the order key is a header too, for lanes that do not read values."""
        message = JobRouted(job=job, decision=decision)
        made = emit(self.topics.tier(decision.tier), job.key, self._follow(cause, "routed", message), message)
        if job.order_key is not None:
            made.headers.append(("ce_orderkey", job.order_key.encode()))
        return made

    def undecided(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """The job where a second opinion is given, with what the score alone says."""
        message = JobUndecided(job=job, decision=decision)
        return emit(self.topics.opinion, job.key, self._follow(cause, "undecided", message), message)

    def review(self, cause: Envelope, message: ReviewRequested) -> Outgoing:
        """The case where people decide."""
        key = str(message.job.job_id).encode()
        return emit(self.topics.review, key, self._follow(cause, "review", message), message)

    def shadow(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """A job that repeats the cause's, on another tier's topic, as a job of its own."""
        message = JobRouted(job=job, decision=decision)
        own = replace(cause, agent_id=job.agent_id, job_id=job.job_id)
        envelope = self._follow(own, f"shadow:{decision.tier}", message)
        return emit(self.topics.tier(decision.tier), job.key, envelope, message)

    def dead(self, cause: Envelope | None, reason: Reason, message: str) -> Outgoing:
        """The record as it was found, and why it came to nothing."""
        letter = DeadLetter(reason, message, STAGE, *self.record.origin)
        return dead_letter(
            self.topics.dead, self.record, letter, cause=cause, source=self.source, now=self.now
        )

    def rejected(self, cause: Envelope, reason: Reason, message: str, digest: str | None) -> Outgoing:
        """The outcome of a job that is not admitted."""
        return self._outcome(
            cause,
            JobRejected(
                job_id=cause.job_id,
                agent_id=cause.agent_id,
                tier=None,
                attempts=0,
                cost_usd=Decimal(0),
                reason=reason,
                message=message,
                request_digest=digest,
            ),
        )

    def expired(self, cause: Envelope, deadline: Timestamp, message: str, digest: str | None) -> Outgoing:
        """The outcome of a job that came too late."""
        return self._outcome(
            cause,
            JobExpired(
                job_id=cause.job_id,
                agent_id=cause.agent_id,
                tier=None,
                attempts=0,
                cost_usd=Decimal(0),
                deadline=deadline,
                message=message,
                request_digest=digest,
            ),
        )

    def republish(self, key: bytes, cause: Envelope | None) -> Outgoing:
        """The same bytes once more on the intake, in the lane of `key`.

        With a `cause` the new record follows from it; without one the record keeps its own headers, so that
        it reads the same there as it did here.
        """
        headers = list(self.record.headers)
        if cause is not None:
            headers = self._follow(cause, "rekey", JobSubmitted).to_headers() + dataref(self.record)
        return Outgoing(self.topics.intake.name, key, self.record.on_kafka, headers)

    def _outcome(self, cause: Envelope, message: JobRejected | JobExpired) -> Outgoing:
        key = str(message.job_id).encode()
        return emit(self.outcomes(message.agent_id), key, self._follow(cause, "outcome", message), message)

    def _follow(self, cause: Envelope, step: str, message: Message | type[Message]) -> Envelope:
        return follow_with(
            cause, self.record.root, step=step, source=self.source, type=message.TYPE, time=self.now
        )
