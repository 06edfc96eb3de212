"""The router's handler: takes a batch of the intake, returns every record that follows from it.

Invariants:
- Every record becomes exactly one of: a routed job, a job for a second opinion, a case for a person, a dead
  letter, or the same record republished under its job's key. A routed job may have shadows, which are
  separate jobs; a case for a person has none. With the dead letter of a job's first record goes the job's
  outcome, unless the signature was refused.
- A job whose publisher chose its id is routed only in the lane of the job's key: that lane recognises a
  second record of the same id.
- A record is republished under its job's key, which leads to the right partition, so no record goes in
  circles. One that has that key already is republished only from another partition, and only where
  signatures are required.
- An exception on one record ends that record alone: a dead letter, and the job's outcome if the job is known.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from time import perf_counter
from typing import NamedTuple, assert_never

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.codec.signed import is_signed
from pointsman.bus.consume.batch_handler import BatchesHandled
from pointsman.identity.used import UsedSignatures
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.registry.registry import Registry
from pointsman.router.admission import TOOLS, Refused, admit
from pointsman.router.causation import cause_of, given_id, lane_key
from pointsman.router.fast_path import MOST_BYTES, FastPath, FastScore
from pointsman.router.onward import Onward, onward
from pointsman.router.opinion.opinion_availability import OpinionAvailability
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.recent_ids import RecentIds
from pointsman.router.replies import Replies
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.router.scoring.drift import DriftWatch
from pointsman.router.scoring.second import is_undecided
from pointsman.router.shadow import Shadows
from pointsman.router.signatures import KNOWN, SignatureCheck
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman.runtime.metrics import DECISION_SECONDS, ROUTED
from pointsman_schemas.base import format_time
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

SOURCE = "pointsman/router"

_BROKEN = Refused(
    Reason.INTERNAL,
    "the router failed on this record, its log has the traceback; once that is mended, submit the job "
    "again under a new job_id",
)


class Handled(NamedTuple):
    """The records that follow from one record; `decision` is set where the fast path may repeat it."""

    records: list[Outgoing]
    decision: Decision | None = None


class RouterHandler:
    """One per lane: it remembers the ids of the lane's latest jobs."""

    def __init__(
        self,
        policy: Policy,
        in_force: RegistryInForce,
        topics: Topics,
        clock: Clock,
        *,
        calibration: CalibrationMonitor | None = None,
        opinions: OpinionAvailability | None = None,
        remembered: int = 10_000,
        fast_score: FastScore | None = None,
        largest: int = MOST_BYTES,
        seed: str = "",
        partitions: Callable[[], int] = lambda: 1,
    ) -> None:
        """`fast_score`: use the fast path, with this score. `largest`: most bytes of a value to publish.
        `seed`: stands for the intake in derived ids, so that a recreated topic gives other ids; if empty, the
        intake's name does. `partitions`: returns the intake's number of partitions.
        """
        self._policy = policy
        self._in_force = in_force
        self._registry: Registry | None = None  # of the batch at hand
        self._topics = topics
        self._outcomes = OutcomeTopics(topics, in_force)
        self._clock = clock
        shadow = policy.shadow
        self._drift = DriftWatch(policy.scorer.profile)
        self._calibration = calibration or CalibrationMonitor.of(policy)
        self._opinions = opinions or OpinionAvailability.of(policy)
        self._shadows = None if shadow is None else Shadows(shadow, topics.intake.partitions)
        self._fast: FastPath | None = None
        if fast_score is not None:
            self._fast = FastPath(
                policy,
                topics,
                SOURCE,
                remembered=remembered,
                drift=self._drift,
                score=fast_score,
                largest=largest,
                seed=seed,
                partitions=partitions,
            )
        use = UsedSignatures().use if self._fast is None else self._fast.use
        self._signatures = SignatureCheck(lambda: in_force.keys_at(clock()), use, partitions)
        self._add_id = RecentIds(remembered).add if self._fast is None else self._fast.add_id

    def remember_records(self, records: Sequence[Incoming]) -> None:
        """See `BatchHandler`. Remembers the ids of their jobs.

        A record whose value was lost was handled under its job id, whatever its order key.
        """
        for record in records:
            try:
                decoded = self._decode(record)
                if self._signatures.refusal(record, decoded) is not None:
                    continue
                job_id = str(given_id(decoded) or "")
                if job_id and record.key in (lane_key(decoded), job_id.encode()):
                    self._add_id(job_id)
            except Exception:
                _log_failure(record)

    def remember_batch(self, batch: RecordBatch) -> bool:
        """See `BatchHandler`."""
        self._begin()
        indexes = None if self._fast is None else self._fast.remember_batch(batch)
        if indexes is None:
            return False
        if indexes:
            records = list(batch.records())
            self.remember_records([records[index] for index in indexes])
        return True

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        """See `BatchHandler`."""
        if not records:
            return []
        started = perf_counter()
        now = self._begin()
        if self._fast is None:
            output: list[Made] = [out for record in records for out in self._handle(record, now).records]
        else:
            self._fast.take_records(records, _envelope_time(now), self._suspended)
            output = self._finish(self._fast, records.__getitem__, now)
        DECISION_SECONDS.observe((perf_counter() - started) / len(records))
        return output

    def handle_batches(self, batches: Sequence[RecordBatch]) -> BatchesHandled | None:
        """See `BatchHandler`."""
        started = perf_counter()
        now = self._begin()
        if self._fast is None or not self._fast.take_batches(batches, _envelope_time(now), self._suspended):
            return None
        opened = cache(lambda: [record for batch in batches for record in batch.records()])
        output = self._finish(self._fast, lambda index: opened()[index], now)
        DECISION_SECONDS.observe((perf_counter() - started) / sum(batch.count for batch in batches))
        return BatchesHandled(output, self._fast.times())

    def _begin(self) -> datetime:
        """The time of a batch, and from it the registry by which all of it is decided."""
        now = self._clock()
        registry = self._in_force.at(now)
        if registry is not self._registry:
            self._registry = registry
            if self._fast is not None:
                self._fast.forget(registry, self._in_force.keys_at(now))
        return now

    def _finish(self, fast: FastPath, record_at: Callable[[int], Incoming], now: datetime) -> list[Made]:
        """Handle the records that the fast path leaves, and have it remember their decisions."""
        output: list[Made] = []
        for record in fast.for_full_path():
            handled = self._handle(record_at(record.number), now)
            output += handled.records
            if record.repeatable and handled.decision is not None:
                fast.remember_decision(handled.decision)
        return [*fast.routed(), *output]

    @property
    def _suspended(self) -> Check | None:
        """The check that says why the score is not asked; None if it is."""
        return self._drift.suspended or self._calibration.suspended

    def _handle(self, record: Incoming, now: datetime) -> Handled:
        """The full path."""
        replies = Replies(self._topics, self._outcomes, SOURCE, record, now)
        cause: Envelope | None = None
        try:
            decoded = self._decode(record)
            unrouted = self._reply_without_routing(replies, decoded)
            if unrouted is not None:
                return Handled(unrouted)
            is_first_of_job = self._is_first_of_job(decoded)
            cause = cause_of(decoded, record) if is_first_of_job else None
            match decoded:
                case Accepted() if is_first_of_job:
                    return self._route(replies, decoded)
                case Accepted():
                    return Handled(replies.dead_letter(decoded.cause, _duplicate(decoded.job)))
                case Malformed():
                    end = replies.refuse if is_first_of_job else replies.dead_letter
                    return Handled(end(cause_of(decoded, record), Refused(decoded.reason, decoded.message)))
                case _:
                    assert_never(decoded)
        except Exception:
            _log_failure(record)
            return Handled(replies.refuse(cause, _BROKEN))

    def fail(self, record: Incoming) -> list[Outgoing]:
        """See `BatchHandler`."""
        replies = Replies(self._topics, self._outcomes, SOURCE, record, self._clock())
        decoded = self._decode(record)
        unrouted = self._reply_without_routing(replies, decoded)
        if unrouted is not None:
            return unrouted
        return replies.refuse(cause_of(decoded, record) if self._is_first_of_job(decoded) else None, _BROKEN)

    def _reply_without_routing(
        self, replies: Replies, decoded: Accepted | Malformed
    ) -> list[Outgoing] | None:
        """What follows from a record that does not count in this lane; None for one that does.

        If the agent is not proven, that is the dead letter alone: there is no outcome for it. A record of
        another lane is sent there under its job's key; a signed one keeps its headers, so that its signature
        stays valid.
        """
        record = replies.record
        refused = self._signatures.refusal(record, decoded)
        if refused is not None:
            cause = cause_of(decoded, record) if refused.reason in KNOWN else None
            return replies.dead_letter(cause, refused)
        if self._signatures.is_misrouted(record, decoded):
            follows = isinstance(decoded, Accepted) and not is_signed(record.headers)
            return [replies.republish(lane_key(decoded), decoded.cause if follows else None)]
        return None

    def _decode(self, record: Incoming) -> Accepted | Malformed:
        return decode_intake(record, self._policy.limits.max_record_bytes)

    def _route(self, replies: Replies, accepted: Accepted) -> Handled:
        assert self._registry is not None, "a batch has begun"
        admitted = admit(self._registry, self._policy, accepted.job, replies.now)
        if isinstance(admitted, Refused):
            return Handled(replies.refuse(accepted.cause, admitted, accepted.job))
        decision = decide(
            self._policy,
            accepted.job,
            allowed=admitted.tiers,
            earlier=admitted.checks,
            suspended=self._suspended,
            opinion=self._opinions.missing,
            thresholds=admitted.thresholds,
        )
        if self._drift.watches and any(check.layer == "score" for check in decision.checks):
            self._drift.add(accepted.job)
        sent = self._send(replies, accepted, decision)
        # Never repeated for another job: a shadow depends on the job's id, tool names are not among the facts
        # that the fast path compares, and each review is decided anew.
        is_unique = (
            self._shadows is not None
            or decision.review is not None
            or any(check.name == TOOLS for check in admitted.checks)
        )
        return Handled(sent, None if is_unique else decision)

    def _send(self, replies: Replies, accepted: Accepted, decision: Decision) -> list[Outgoing]:
        if is_undecided(decision):
            sent = Onward(replies.undecided(accepted.cause, accepted.job, decision), False)
        else:
            sent = onward(replies, accepted.cause, accepted.job, decision)
        return [sent.record, *([] if sent.stopped else self._shadow(replies, accepted, decision))]

    def _shadow(self, replies: Replies, accepted: Accepted, decision: Decision) -> list[Outgoing]:
        if self._shadows is None:
            return []
        shadows = self._shadows.of(accepted.job, decision, replies.now)
        for shadow in shadows:
            ROUTED.labels(shadow.decision.tier, shadow.decision.rule).inc()
        return [replies.shadow(accepted.cause, shadow.job, shadow.decision) for shadow in shadows]

    def _is_first_of_job(self, decoded: Accepted | Malformed) -> bool:
        """Remember the record's job id; False if this lane knew it already."""
        job_id = given_id(decoded)
        return job_id is None or self._add_id(str(job_id))


def _envelope_time(now: datetime) -> bytes:
    """The time of all envelopes of a batch."""
    return format_time(now).encode()


def _log_failure(record: Incoming) -> None:
    """Log the exception that is being handled, with the record's place."""
    failure(log, Event.RECORD_NOT_HANDLED, **record.log_fields)


def _duplicate(job: Job) -> Refused:
    return Refused(
        Reason.DUPLICATE_JOB,
        f"job {job.job_id} was submitted before and that record stands; this one is left alone. "
        f"See `pointsman trace {job.job_id}`, or submit it under a new job_id if it is another job",
    )
