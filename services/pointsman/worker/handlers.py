"""A worker's handling of one routed job: makes its calls, returns them with the outcome or the next step."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from pointsman.bus.codec.decode import Malformed, decode
from pointsman.bus.codec.emit import UNKNOWN_AGENT, dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.cascade.escalation import asked_of, escalate, with_cascade
from pointsman.cascade.judge import Judged, Spent, Stage
from pointsman.registry.cancellations import Cancellations
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman.worker.accept_models import AcceptModels
from pointsman.worker.calls.attempts import Attempts
from pointsman.worker.calls.call_context import CallContext
from pointsman.worker.calls.chunks import JobChunks
from pointsman.worker.calls.streamable import is_streamable
from pointsman.worker.observed import observe, observe_step
from pointsman.worker.outcome import (
    Cancelled,
    Ended,
    Expired,
    failed_internally,
    judged_end,
    outcome_of,
    spent_on,
)
from pointsman.worker.reviewing import reviewed
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.jobs import Job, JobRouted
from pointsman_schemas.outcomes import WorkerOutcome
from pointsman_schemas.reasons import FailReason, Reason
from pointsman_schemas.reviews import ReviewRequested
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

STAGE = "worker"

_log = logging.getLogger(__name__)


class WorkerHandler:
    """The handler of one tier's lanes.

    Invariants:
    - For a job whose id can be read it returns every call made, and exactly one of: an outcome, the job for
      the next tier of its cascade, a case for a person.
    - The same record gives records with the same ids.
    - It raises only CancelledError, when it is cancelled: the job is then handed back without an outcome.
    """

    def __init__(
        self,
        call_context: CallContext,
        topics: Topics,
        *,
        cancellations: Cancellations,
        accept_models: AcceptModels | None = None,
        outcomes: Callable[[str], Topic] | None = None,
        send_chunk: Callable[[Outgoing], object] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """`outcomes`: gives the topic for an agent's outcomes; by default `jobs.results`.

        `send_chunk`: publishes a chunk of an answer, or drops it, without waiting; None: no streaming.
        """
        self._call_context = call_context
        self._tier = call_context.tier
        self._topics = topics
        self._calls_topic = topics.calls
        self._outcomes = outcomes or (lambda _: topics.results)
        self._send_chunk = send_chunk
        self._cancellations = cancellations
        self._accept_models = accept_models
        self._clock = clock
        self._source = source_of(call_context.tier)

    def close(self) -> None:
        """Begin no more calls: those in flight may end, all other jobs are handed back at once."""
        self._call_context.closing.set()

    async def __call__(self, record: Incoming) -> list[Outgoing]:
        """The `call.finished` of each attempt, and the outcome; a dead letter first if anything is wrong."""
        decoded = decode(record)
        if isinstance(decoded, Malformed):
            return self._refuse(record, decoded)
        cause, routed = decoded.envelope, decoded.message
        if not isinstance(routed, JobRouted):
            message = f"type {cause.type!r} does not belong on a tier's topic"
            return self._refuse(record, Malformed(Reason.UNKNOWN_TYPE, message, cause=cause))
        attempts: Attempts | None = None
        try:
            chunks = self._chunks(record, cause, routed)
            attempts = Attempts(self._call_context, asked_of(routed, self._tier), routed.steps, chunks)
            ended = await self._work(routed.job, attempts)
            spent = spent_on(attempts.calls, attempts.most_usd)
            judged = await self._judge(routed, ended, spent)
            if judged is not None and judged.up is not None:
                up = escalate(routed, judged.step, judged.up)
                return self._records(record, cause, attempts.calls, up)
            row, rule = self._call_context.row, routed.decision.rule
            outcome = outcome_of(routed.job, self._tier, row, attempts.calls, ended, rule=rule)
            full_outcome = with_cascade(outcome, routed, judged)
            end = reviewed(full_outcome, routed, self._tier, judged, spent)
            return self._records(record, cause, attempts.calls, end)
        except Exception as error:
            return self._fail_internally(record, cause, routed, attempts, error)

    async def _work(self, job: Job, attempts: Attempts) -> Ended:
        """Run the attempts until they end, or until the deadline or a cancellation stops them."""
        if cancellation := self._cancellations.of(job.job_id, job.agent_id):
            return Cancelled(cancellation.by, cancellation.reason)
        seconds_left = None if job.deadline is None else (job.deadline - self._clock()).total_seconds()
        if seconds_left is not None and seconds_left <= 0:
            return Expired(f"the deadline passed {-seconds_left:.1f} s before a worker could begin")
        try:
            async with asyncio.timeout(seconds_left) as limit:
                with self._cancellations.listening(job.job_id, job.agent_id, partial(_stop, limit)):
                    return await attempts.run()
        except TimeoutError:
            if not limit.expired():
                raise
        if cancellation := self._cancellations.of(job.job_id, job.agent_id):
            attempts.break_off("cancelled", f"cancelled by {cancellation.by}")
            return Cancelled(cancellation.by, cancellation.reason)
        attempts.break_off("expired", "the deadline passed during the call")
        held_by = attempts.held.held_by
        when = f"while it waited for {held_by}" if held_by else "before an answer was there"
        return Expired(f"the deadline passed {when}, calls made: {len(attempts.calls)}", held_by or None)

    def _chunks(self, record: Incoming, cause: Envelope, routed: JobRouted) -> JobChunks | None:
        """Where the answer is streamed to; None if it is not, or if no gateway could read its outcome."""
        job, topics = routed.job, self._topics
        if self._send_chunk is None or not is_streamable(routed, self._tier, self._call_context.row):
            return None
        if self._outcomes(job.agent_id).name != topics.results.name:
            return None
        return JobChunks(
            send=self._send_chunk,
            topic=topics.chunks,
            cause=cause,
            root=record.root,
            source=self._source,
            job_id=job.job_id,
            agent_id=job.agent_id,
            clock=self._clock,
        )

    async def _judge(self, routed: JobRouted, ended: Ended, spent: Spent) -> Judged | None:
        """The cascade's judgement of the answer; None if the job has no cascade, or ends here regardless."""
        plan = routed.decision.cascade
        if plan is None:
            return None
        model = await self._accept_models.of(plan.model) if self._accept_models else None
        stage = Stage(plan, self._tier, routed.steps, routed.job.request, spent, model)
        judged = judged_end(stage, ended)
        if judged is not None:
            observe_step(judged)
        return judged

    def _records(
        self,
        record: Incoming,
        cause: Envelope,
        calls: Sequence[CallFinished],
        end: JobRouted | ReviewRequested | WorkerOutcome,
    ) -> list[Outgoing]:
        """The calls, and what ends the job on this tier: the next tier's job, a case or an outcome."""
        if isinstance(end, JobRouted):
            topic, key, step = self._topics.tier(end.decision.tier), end.job.key, "up"
        elif isinstance(end, ReviewRequested):
            topic, key, step = self._topics.review, str(end.job.job_id).encode(), "review"
        else:
            topic, key, step = self._outcomes(end.agent_id), str(end.job_id).encode(), "outcome"

        def follow(message: Message, step: str, attempt: int | None = None) -> Envelope:
            return envelope_after(
                cause,
                record.root,
                step=step,
                source=self._source,
                type=message.TYPE,
                time=self._clock(),
                attempt=attempt,
            )

        records = []
        for call in calls:
            envelope = follow(call, f"call:{call.attempt}", call.attempt)
            records.append(emit(self._calls_topic, str(call.job_id).encode(), envelope, call))
        records.append(emit(topic, key, follow(end, step), end))
        observe(calls, end, self._tier)
        return records

    def _refuse(self, record: Incoming, broken: Malformed) -> list[Outgoing]:
        letter = self._dead_letter(record, broken.cause, broken.reason, broken.message)
        if broken.job_id is None or broken.cause is None:
            return [letter]
        outcome = failed_internally(
            broken.job_id,
            broken.agent_id or UNKNOWN_AGENT,
            self._tier,
            (),
            message=f"the routed job cannot be read ({broken.message})"
            " -- a dead letter has it; send the job again",
        )
        return [letter, *self._records(record, broken.cause, (), outcome)]

    def _fail_internally(
        self,
        record: Incoming,
        cause: Envelope,
        routed: JobRouted,
        attempts: Attempts | None,
        error: Exception,
    ) -> list[Outgoing]:
        job = routed.job
        failure(_log, Event.JOB_FAILED_INTERNALLY, error, job_id=job.job_id)
        message = f"a defect in the worker ({type(error).__name__}), see its log -- send the job again"
        letter = self._dead_letter(record, cause, Reason.INTERNAL, message)
        if attempts is not None:
            attempts.break_off("reject", message, FailReason.INTERNAL)
        calls = () if attempts is None else attempts.calls
        failed = failed_internally(
            job.job_id, job.agent_id, self._tier, calls, message=message, request_digest=job.request_digest
        )
        outcome = with_cascade(failed, routed, None)
        try:
            return [letter, *self._records(record, cause, calls, outcome)]
        except Exception:  # a call that cannot be encoded must not keep the job from its outcome
            failure(_log, Event.CALLS_NOT_RECORDED)
            return [letter, *self._records(record, cause, (), outcome)]

    def _dead_letter(
        self, record: Incoming, cause: Envelope | None, reason: Reason, message: str
    ) -> Outgoing:
        letter = DeadLetter(reason, message, STAGE, *record.origin)
        return dead_letter(
            self._topics.dead, record, letter, cause=cause, source=self._source, now=self._clock()
        )


def source_of(tier: str) -> str:
    """The `ce_source` of a tier's workers."""
    return f"pointsman/worker/{tier}"


def _stop(limit: asyncio.Timeout) -> None:
    if not limit.expired():
        limit.reschedule(0)  # a time in the past: at once
