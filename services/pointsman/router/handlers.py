"""The router's handler: a batch of the intake in, everything that follows from it out.

Invariants:
- Every record leads to exactly one of: a routed job, a job for a second opinion, a dead letter, the same
  record in the lane of its job. A job may have shadows beside it, which are jobs of their own.
- A job id that a publisher chose is answered for only in the lane that the job's key leads to: there a second
  record of it is recognised.
- A record that stands under that key is never sent again, so nothing goes round.
- Whatever breaks on one record becomes its dead letter.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

from pointsman.bus.batch_handler import Whole
from pointsman.bus.bundle import Made
from pointsman.bus.decode import Malformed
from pointsman.bus.intake import Accepted, decode_intake
from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.records import Incoming, Outgoing
from pointsman.router.admission import Refused, admit
from pointsman.router.agents_file import Registry
from pointsman.router.attendance import Attendance
from pointsman.router.drift import DriftWatch
from pointsman.router.lineage import cause_of, given_id, lane_key
from pointsman.router.native import MOST_BYTES, NativeModel, NativeSwift
from pointsman.router.policy import Policy, decide
from pointsman.router.promises import Promises
from pointsman.router.refusing import bury, refuse
from pointsman.router.replies import Replies
from pointsman.router.second import is_undecided
from pointsman.router.shadow import Shadows
from pointsman.router.swift import Careful, Learn, Swift, SwiftWay, log_failure
from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import DECISION_SECONDS, ROUTED
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.envelope import format_time
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


class RouterHandler:
    """One per lane: it remembers which jobs the lane has met."""

    def __init__(
        self,
        policy: Policy,
        registry: Registry,
        topics: Topics,
        clock: Clock,
        *,
        promises: Promises | None = None,
        attendance: Attendance | None = None,
        source: str = SOURCE,
        remembered: int = 10_000,
        native: NativeModel | None = None,
        largest: int = MOST_BYTES,
    ) -> None:
        """`native`: go the swift way by the compiled library; `largest`: bytes of a value it publishes."""
        self._policy = policy
        self._registry = registry
        self._topics = topics
        self._clock = clock
        self._source = source
        shadow = policy.shadow
        self._drift = DriftWatch(policy.scorer.profile)
        self._promises = promises or Promises.of(policy)
        self._attendance = attendance or Attendance.of(policy)
        self._shadows = None if shadow is None else Shadows(shadow, topics.intake.partitions)
        self._swift: SwiftWay
        if native is None:
            self._swift = Swift(policy, registry, topics, source, remembered)
        else:
            self._swift = NativeSwift(
                policy,
                registry,
                topics,
                source,
                remembered=remembered,
                drift=self._drift,
                model=native,
                largest=largest,
            )

    def warm(self, records: Sequence[Incoming]) -> None:
        """Remember the jobs of records that were answered before this object existed."""
        for record in records:
            try:
                self._is_first(record, self._decode(record))
            except Exception:
                log_failure(log, record)

    def __call__(self, records: Sequence[Incoming]) -> list[Made]:
        """Everything that follows from `records`, of one partition."""
        if not records:
            return []
        started = perf_counter()
        made = self._swift.route(records, *self._manner(), doubt=self._doubt)
        DECISION_SECONDS.observe((perf_counter() - started) / len(records))
        return made

    def whole(self, batches: Sequence[RecordBatch]) -> Whole | None:
        """See `BatchHandler`."""
        started = perf_counter()
        whole = self._swift.route_whole(batches, *self._manner(), doubt=self._doubt)
        if whole is not None:
            DECISION_SECONDS.observe((perf_counter() - started) / sum(batch.count for batch in batches))
        return whole

    def _manner(self) -> tuple[bytes, Careful]:
        """The time of all envelopes of a batch, and the careful way at that time."""
        now = self._clock()
        return format_time(now).encode(), lambda record, learn: self._handle(record, now, learn)

    @property
    def _doubt(self) -> Check | None:
        """Why the score is not asked; None where it is."""
        return self._drift.found or self._promises.found

    def _handle(self, record: Incoming, now: datetime, learn: Learn | None) -> list[Outgoing]:
        """The careful way; what it decides for an ordinary job is remembered for the swift one."""
        replies = Replies(self._topics, self._source, record, now)
        try:
            return self._answer(replies, self._decode(record), learn)
        except Exception:
            log_failure(log, record)
            return bury(replies, None, _BROKEN)

    def _decode(self, record: Incoming) -> Accepted | Malformed:
        return decode_intake(record, self._policy.limits.max_record_bytes)

    def _answer(self, replies: Replies, read: Accepted | Malformed, learn: Learn | None) -> list[Outgoing]:
        if _is_astray(replies.record, read):
            return [replies.again(lane_key(read), read.cause if isinstance(read, Accepted) else None)]
        first = self._is_first(replies.record, read)
        match read:
            case Malformed():
                end = refuse if first else bury
                return end(replies, cause_of(read, replies.record), Refused(read.reason, read.message))
            case Accepted() if first:
                return self._route(replies, read, learn)
            case Accepted():
                return bury(replies, read.cause, _second(read.job))

    def _route(self, replies: Replies, read: Accepted, learn: Learn | None) -> list[Outgoing]:
        try:
            admitted = admit(self._registry, self._policy, read.job, replies.now)
            if isinstance(admitted, Refused):
                return refuse(replies, read.cause, admitted, read.job.deadline)
            decision = decide(
                self._policy,
                read.job,
                allowed=admitted.tiers,
                earlier=admitted.checks,
                doubt=self._doubt,
                opinion=self._attendance.missing,
            )
            if self._drift.watches and any(check.layer == "score" for check in decision.checks):
                self._drift.seen(read.job)
            undecided = is_undecided(decision)
            send = replies.undecided if undecided else replies.routed
            sent = [send(read.cause, read.job, decision), *self._shadow(replies, read, decision)]
        except Exception:
            log_failure(log, replies.record)
            return refuse(replies, read.cause, _BROKEN)
        if not undecided:
            ROUTED.labels(decision.tier, decision.rule).inc()
        if learn is not None and self._shadows is None:  # whether a job has a shadow is no fact of it
            learn(decision)
        return sent

    def _shadow(self, replies: Replies, read: Accepted, decision: Decision) -> list[Outgoing]:
        if self._shadows is None:
            return []
        found = self._shadows.of(read.job, decision, replies.now)
        for each in found:
            ROUTED.labels(each.decision.tier, each.decision.rule).inc()
        return [replies.shadow(read.cause, each.job, each.decision) for each in found]

    def _is_first(self, record: Incoming, read: Accepted | Malformed) -> bool:
        """Remember the record's job; False if this lane has met it before."""
        job_id = given_id(read)
        return job_id is None or _is_astray(record, read) or self._swift.seen.add(str(job_id))


def _is_astray(record: Incoming, read: Accepted | Malformed) -> bool:
    """Whether the publisher chose the job's id, and sent it under a key that leads elsewhere."""
    return given_id(read) is not None and record.key != lane_key(read)


def _second(job: Job) -> Refused:
    return Refused(
        Reason.DUPLICATE_JOB,
        f"job {job.job_id} was submitted before and that record stands; this one is left alone. "
        f"See `pointsman trace {job.job_id}`, or submit it under a new job_id if it is another job",
    )
