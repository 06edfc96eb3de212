"""The review's handler: takes requests and commands, returns changed cases and their results.

Invariants:
- A waiting job has one case; the transaction that ends the case also has the job's outcome, or the job for a
  tier.
- Every command is answered: carried out, or refused with a reason.
- The original request is kept until the case ends, so that what is approved is exactly what was proposed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import assert_never
from uuid import UUID

from pointsman.bus.codec.decode import Decoded, Malformed, broker_time, decode
from pointsman.bus.codec.emit import dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.state.handler import Effects
from pointsman.registry.cancellations import Cancellation, Cancellations
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.review import case as cases
from pointsman.review.case import KEPT, WAITING, RefusedCommand, plan_of, queue_of
from pointsman.review.command_answers import answer_to_command
from pointsman.review.content import why_no_case
from pointsman.review.following import follows
from pointsman.review.people import may_not_act
from pointsman.review.seeded import is_due, is_seeded, origin_of, others, seeded
from pointsman.review.state import CaseBook, case_key, request_key
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman_schemas.base import Json, Message
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewOrigin,
    ReviewRefusal,
    ReviewRelease,
    ReviewRequested,
)
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

STAGE = "review"
SOURCE = "pointsman/review"
#: Timed changes in one transaction.
_PORTION = 200
#: Cases that are tried as the source of another answer.
_OTHERS = 8
#: Length of an error that is compared with the last one.
_WHY_CHARS = 200

_Command = ReviewClaim | ReviewRelease | ReviewDecide


@dataclass(frozen=True, slots=True)
class _Cause:
    """The cause of records: an envelope with the case's agent and trace. `root`: for derived ids."""

    envelope: Envelope
    root: tuple[str, int, int]
    step: str
    at: datetime


class ReviewHandler:
    """Handles one partition; created anew when its state is restored. Keeps its cases decoded."""

    def __init__(
        self, in_force: RegistryInForce, topics: Topics, cancellations: Cancellations, clock: Clock
    ) -> None:
        self._in_force = in_force
        self._topics = topics
        self._outcomes = OutcomeTopics(topics, in_force)
        self._cancellations = cancellations
        self._clock = clock
        self._book = CaseBook()
        #: Cases that could not be ended, and the error that was logged.
        self._failing: dict[UUID, str] = {}

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        """See `StateHandler`."""
        self._book.read(state)
        decoded = decode(record)
        match decoded:
            case Malformed() if record.topic == self._topics.review.name:
                raise ValueError(decoded.message)  # the lane then ends the job
            case Malformed():
                return Effects([self._dead(record, decoded)])
            case Decoded(message=ReviewRequested() as request):
                return self._open(record, decoded.envelope, request)
            case Decoded(message=ReviewClaim() | ReviewRelease() | ReviewDecide() as command):
                return self._command(record, decoded.envelope, command, state)
            case _:
                problem = f"type {decoded.envelope.type!r} does not belong on {record.topic}"
                malformed = Malformed(Reason.UNKNOWN_TYPE, problem, cause=decoded.envelope)
                return Effects([self._dead(record, malformed)])

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        """See `StateHandler`: handles expired claims, queues and deadlines, and cancelled jobs."""
        self._book.read(state)
        records: list[Outgoing] = []
        changes: list[Outgoing] = []
        failing: dict[UUID, str] = {}
        for before in self._book.waiting:
            try:
                case_records, changed = self._by_time(before, now, state)
            except Exception as error:  # a failing case must not block the others
                why = failing[before.job_id] = f"{type(error).__name__}: {error}"[:_WHY_CHARS]
                if self._failing.get(before.job_id) != why:  # log it once, as it is retried every second
                    failure(log, Event.DEADLINES_FAILED, job_id=before.job_id)
                continue
            records += case_records
            changes += changed
            if len(changes) >= _PORTION:
                break
        self._failing = failing
        for job_id in islice(self._book.forgettable(now - KEPT), _PORTION):
            changes.append(Outgoing(self._topics.reviews_state.name, case_key(job_id), None, []))
        self._book.take(changes)
        return Effects(records, changes)

    def _open(self, record: Incoming, envelope: Envelope, request: ReviewRequested) -> Effects:
        problem = why_no_case(request)
        if problem is not None or envelope.job_id != request.job.job_id:
            raise ValueError(problem or "the envelope names another job")
        case = self._book.case(request.job.job_id)
        if case is not None and case.status in WAITING:
            malformed = Malformed(Reason.DUPLICATE_JOB, "the job waits for a person already", cause=envelope)
            return Effects([self._dead(record, malformed)])
        assert record.value is not None
        origin = ReviewOrigin(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            sha256=sha256(record.value).hexdigest(),
            id=envelope.id,
            trace_id=envelope.trace_id,
            span_id=envelope.span_id,
            data_subject=envelope.data_subject,
        )
        at = self._time_of(record)
        opened = cases.opened(request, origin, at, 1 if case is None else case.revision + 1)
        cause = _Cause(envelope, record.root, "", self._clock())
        stored = emit(
            self._topics.reviews_state,
            request_key(request.job.job_id),
            _follow(cause, "state", request),
            request,
        )
        changes = [replace(stored, value=record.value), *self._changed(opened, cause)]
        self._book.take(changes)
        return Effects([], changes)

    def _command(
        self, record: Incoming, envelope: Envelope, command: _Command, state: Mapping[bytes, bytes]
    ) -> Effects:
        case = self._book.case(command.job_id)
        if case is None:
            cause = _Cause(envelope, record.root, "", self._clock())
            problem = f"there is no case of job {command.job_id}; those that wait: pointsman review list"
            unknown = RefusedCommand(ReviewRefusal.UNKNOWN_CASE, problem)
            return Effects([self._answer(None, command, cause, unknown)])
        case_envelope = replace(
            envelope, agent_id=case.agent_id, job_id=case.job_id, data_subject=case.origin.data_subject
        )
        if case.origin.trace_id is not None:
            case_envelope = replace(case_envelope, trace_id=case.origin.trace_id)
        cause = _Cause(case_envelope, record.root, "", self._clock())
        after = self._carried_out(record, command, case, state)
        if isinstance(after, RefusedCommand):
            return Effects([self._answer(case, command, cause, after)])
        response = command.response if isinstance(command, ReviewDecide) else None
        records = self._following(after, state, cause, response=response)
        changes = [*self._changed(after, cause), *self._test(after, state, cause)]
        self._book.take(changes)
        return Effects([*records, self._answer(after, command, cause, None)], changes)

    def _carried_out(
        self, record: Incoming, command: _Command, case: ReviewChanged, state: Mapping[bytes, bytes]
    ) -> ReviewChanged | RefusedCommand:
        at = self._time_of(record)
        refused = may_not_act(self._in_force.at(at), command.by, case, record, at)
        if refused is not None:
            return refused
        ended = cases.not_waiting(case)
        if ended is not None:
            return ended
        request = self._request(case, state)
        match command:
            case ReviewClaim():
                queue = queue_of(plan_of(request), case.queue)
                return cases.claimed(case, command, at, queue, self._book.holds(command.by, at, case.job_id))
            case ReviewRelease():
                return cases.released(case, command, at)
            case ReviewDecide():
                return cases.decided(case, command, at, request)
            case _:
                assert_never(command)

    def _by_time(self, before: ReviewChanged, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        """Apply a deadline or cancellation to a waiting case."""
        cancellation = self._cancellations.of(before.job_id, before.agent_id)
        if cancellation is not None:
            case: ReviewChanged | None = cases.withdrawn(before, cancellation.by, now)
        elif self._book.may_be_due(before, now):
            case = cases.timed_out(before, now, plan_of(self._request(before, state)))
        else:
            case = None
        if case is None:
            return Effects()
        cause = self._cause_of_time(case, now)
        return Effects(
            self._following(case, state, cause, cancelled=cancellation), self._changed(case, cause)
        )

    def _request(self, case: ReviewChanged, state: Mapping[bytes, bytes]) -> ReviewRequested:
        return ReviewRequested.model_validate_json(state[request_key(case.job_id)])

    def _following(
        self,
        case: ReviewChanged,
        state: Mapping[bytes, bytes],
        cause: _Cause,
        *,
        response: Json | None = None,
        cancelled: Cancellation | None = None,
    ) -> list[Outgoing]:
        """Return the outcome or the routed job; nothing if the case waits or is a test."""
        if case.status in WAITING or is_seeded(case):
            return []
        message = follows(case, self._request(case, state), response, cancelled)
        if isinstance(message, JobRouted):
            topic, key = self._topics.tier(message.decision.tier), message.job.key
            routed_record = emit(topic, key, _follow(cause, "routed", message), message)
            if message.job.order_key is not None:
                routed_record.headers.append(("ce_orderkey", message.job.order_key.encode()))
            return [routed_record]
        topic, key = self._outcomes(case.agent_id), str(case.job_id).encode()
        return [emit(topic, key, _follow(cause, "outcome", message), message)]

    def _changed(self, case: ReviewChanged, cause: _Cause) -> list[Outgoing]:
        """Return the changed case; an ended one loses its request, and a test is marked as one."""
        topic = self._topics.reviews_state
        if case.status not in WAITING and is_seeded(case):
            case = case.model_copy(update={"seeded": True})
        changes = [emit(topic, case_key(case.job_id), _follow(cause, "case", case), case)]
        if case.status not in WAITING:
            changes.append(Outgoing(topic.name, request_key(case.job_id), None, []))
        return changes

    def _test(self, case: ReviewChanged, state: Mapping[bytes, bytes], cause: _Cause) -> list[Outgoing]:
        """Return a new test case if one is due after this case's decision."""
        if case.status in WAITING or not is_due(case, request := self._request(case, state)):
            return []
        for other in islice(others(case, self._book.waiting), _OTHERS):
            test = seeded(case, request, self._request(other, state), case.at)
            if test is not None:
                test_envelope = replace(cause.envelope, job_id=test.job.job_id)
                its = _Cause(test_envelope, cause.root, "test:", cause.at)
                key = request_key(test.job.job_id)
                stored = emit(self._topics.reviews_state, key, _follow(its, "state", test), test)
                assert stored.value is not None
                origin = origin_of(case, sha256(stored.value).hexdigest())
                return [stored, *self._changed(cases.opened(test, origin, case.at), its)]
        return []

    def _answer(
        self, case: ReviewChanged | None, command: _Command, cause: _Cause, refused: RefusedCommand | None
    ) -> Outgoing:
        answered = ReviewAnswered(
            job_id=command.job_id,
            by=command.by,
            refused=None if refused is None else refused.refusal,
            message=_answer_text(case, refused)[:1000],
            status=None if case is None else case.status,
            revision=0 if case is None else case.revision,
        )
        key = str(command.job_id).encode()
        return emit(self._topics.reviews_answers, key, _follow(cause, "answer", answered), answered)

    def _cause_of_time(self, case: ReviewChanged, now: datetime) -> _Cause:
        """Return the request that opened the case as the cause of a timed change."""
        origin = case.origin
        root = (origin.topic, origin.partition, origin.offset)
        envelope = cases.envelope_of(case, origin.id, source=SOURCE, type=ReviewRequested.TYPE, at=now)
        return _Cause(envelope, root, f"{case.revision}:", now)

    def _time_of(self, record: Incoming) -> datetime:
        """Return the broker's time. Producers could choose theirs, so without it this clock's time counts."""
        return broker_time(record) if record.by_broker else self._clock()

    def _dead(self, record: Incoming, malformed: Malformed) -> Outgoing:
        letter = DeadLetter(malformed.reason, malformed.message, STAGE, *record.origin)
        return dead_letter(
            self._topics.dead, record, letter, cause=malformed.cause, source=SOURCE, now=self._clock()
        )


def _follow(cause: _Cause, step: str, message: Message) -> Envelope:
    return envelope_after(
        cause.envelope,
        cause.root,
        step=f"{cause.step}{step}",
        source=SOURCE,
        type=message.TYPE,
        time=cause.at,
    )


def _answer_text(case: ReviewChanged | None, refused: RefusedCommand | None) -> str:
    if refused is not None:
        return refused.message
    assert case is not None
    return answer_to_command(case)
