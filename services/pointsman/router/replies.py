"""The records that the router makes from one intake record; their ids are derived from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pointsman.bus.codec.claimed import dataref
from pointsman.bus.codec.emit import dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.router.admission import Refused
from pointsman.runtime.metrics import FINISHED
from pointsman_schemas.base import Message
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.decisions import Decision
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.jobs import Job, JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobExpired, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import ReviewRequested
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

#: The stage named on dead letters and in metrics.
STAGE = "router"


@dataclass(frozen=True, slots=True)
class Replies:
    """Makes records from one intake record. `outcomes`: returns the topic for an agent's outcomes.

    Each method takes `cause`, the record's envelope with job and agent filled in.
    """

    topics: Topics
    outcomes: Callable[[str], Topic]
    source: str
    record: Incoming
    now: datetime

    def routed(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """Return the job for its tier. The order key is in a header too, as lanes do not decode values."""
        message = JobRouted(job=job, decision=decision)
        out = emit(self.topics.tier(decision.tier), job.key, self._follow(cause, "routed", message), message)
        if job.order_key is not None:
            out.headers.append(("ce_orderkey", job.order_key.encode()))
        return out

    def undecided(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """Return the job for the second opinion, with the score's own decision."""
        message = JobUndecided(job=job, decision=decision)
        return emit(self.topics.opinion, job.key, self._follow(cause, "undecided", message), message)

    def review(self, cause: Envelope, message: ReviewRequested) -> Outgoing:
        """Return the review request."""
        key = str(message.job.job_id).encode()
        return emit(self.topics.review, key, self._follow(cause, "review", message), message)

    def shadow(self, cause: Envelope, job: Job, decision: Decision) -> Outgoing:
        """Return a copy of the job, with an id of its own, for another tier."""
        message = JobRouted(job=job, decision=decision)
        own = replace(cause, agent_id=job.agent_id, job_id=job.job_id)
        envelope = self._follow(own, f"shadow:{decision.tier}", message)
        return emit(self.topics.tier(decision.tier), job.key, envelope, message)

    def dead_letter(self, cause: Envelope | None, why: Refused) -> list[Outgoing]:
        """Return only a dead letter, for a record whose job is unknown or has its outcome already."""
        letter = DeadLetter(why.reason, why.message, STAGE, *self.record.origin)
        return [
            dead_letter(self.topics.dead, self.record, letter, cause=cause, source=self.source, now=self.now)
        ]

    def refuse(self, cause: Envelope | None, why: Refused, job: Job | None = None) -> list[Outgoing]:
        """Return the dead letter and, if the cause names a job, that job's outcome."""
        letter = self.dead_letter(cause, why)
        if cause is None or cause.job_id is None:
            return letter
        about: dict[str, Any] = {
            "job_id": cause.job_id,
            "agent_id": cause.agent_id,
            "tier": None,
            "attempts": 0,
            "cost_usd": Decimal(0),
            "message": why.message,
            "request_digest": None if job is None else job.request_digest,
        }
        outcome: JobExpired | JobRejected
        if why.reason is Reason.DEADLINE_PASSED and job is not None and job.deadline is not None:
            outcome, name = JobExpired(**about, deadline=job.deadline), "expired"
        else:
            outcome, name = JobRejected(**about, reason=why.reason), "rejected"
        FINISHED.labels("none", name, why.reason).inc()
        key, topic = str(cause.job_id).encode(), self.outcomes(cause.agent_id)
        return [*letter, emit(topic, key, self._follow(cause, "outcome", outcome), outcome)]

    def republish(self, key: bytes, cause: Envelope | None) -> Outgoing:
        """Return the same value for the intake, under `key`.

        With a `cause` the record gets an envelope that follows from it; without one it keeps its headers.
        """
        headers = list(self.record.headers)
        if cause is not None:
            headers = self._follow(cause, "rekey", JobSubmitted).to_headers() + dataref(self.record)
        return Outgoing(self.topics.intake.name, key, self.record.on_kafka, headers)

    def _follow(self, cause: Envelope, step: str, message: Message | type[Message]) -> Envelope:
        return envelope_after(
            cause, self.record.root, step=step, source=self.source, type=message.TYPE, time=self.now
        )
