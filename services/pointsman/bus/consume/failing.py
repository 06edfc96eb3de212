"""Makes the records that a lane writes in place of one that it cannot finish.

Invariants:
- A record on which the handler failed becomes a dead letter; its job, if it names one, ends as `failed`.
- A record that is too large for its topic is cut: size and digest stand for the part left out. One that is
  useless when cut (a job) ends as above.
- Nothing is cut twice: if the cut record is refused too, the lane stops; a dead letter is dropped instead.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal

import orjson

from pointsman.bus.codec.claimed import kind_of
from pointsman.bus.codec.decode import envelope_in
from pointsman.bus.codec.emit import UNKNOWN_AGENT, dead_letter, emit
from pointsman.bus.codec.payloads import Payloads
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.errors import RecordsRefusedError
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman.runtime.metrics import FINISHED
from pointsman_schemas import dead
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.envelope import TYPE_PREFIX, Envelope, envelope_after
from pointsman_schemas.jobs import JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.reasons import FailReason, Reason
from pointsman_schemas.reviews import ReviewRequested
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: Smaller values, in bytes, are not stored: they do not make a record too large.
_WORTH_STORING = 512
#: Characters of a message or an error that are kept when its record is cut.
_KEPT_CHARS = 500
_HINT = "set POINTSMAN_CLAIMS, or raise max.message.bytes of the topic (`pointsman topics plan`)"


class Failing:
    """One per service: `stage` is named on dead letters and in metrics, `tier` on outcomes.

    `outcomes`: gives the topic for an agent's outcomes; by default `jobs.results`.
    `asides`: topics whose records are about jobs but whose failure does not end the job, such as commands.
    """

    def __init__(
        self,
        topics: Topics,
        *,
        stage: str,
        source: str,
        clock: Clock,
        tier: str | None = None,
        outcomes: Callable[[str], Topic] | None = None,
        asides: Collection[str] = (),
    ) -> None:
        self._topics = topics
        self._outcomes = outcomes or (lambda _: topics.results)
        self._stage = stage
        self._source = source
        self._clock = clock
        self._tier = tier
        self._asides = asides

    def fail(self, record: Incoming, error: BaseException) -> list[Outgoing]:
        """Return the records for one on which the handler kept failing."""
        event(
            log,
            logging.ERROR,
            Event.RECORD_GIVEN_UP,
            **record.log_fields,
            error=repr(error),
        )
        problem = f"a defect in the {self._stage} ({type(error).__name__}), see its log -- send the job again"
        reasons = (Reason.INTERNAL, FailReason.INTERNAL)
        ends = record.topic not in self._asides
        return self._end(record, envelope_in(record.headers), reasons, problem, ends=ends)

    async def replace(
        self, record: Incoming, output: Sequence[Outgoing], refused: AbstractSet[int], payloads: Payloads
    ) -> list[Outgoing]:
        """Return `output`, made from `record`, with those that topics refused (by Python `id`) replaced.

        A large value goes to the store, if there is one, and its record gets a claim.

        Raises:
            RecordsRefusedError: a refused record was cut already.
            ClaimsUnavailableError: the store is unavailable.
        """
        calls = sum(kind_of(record_out.headers) == CallFinished.TYPE for record_out in output)
        replaced: list[Outgoing] = []
        for record_out in output:
            if id(record_out) not in refused:
                replaced.append(record_out)
                continue
            (deposited,) = await payloads.deposit([record_out], above=_WORTH_STORING)
            replaced += self._shorten(record, record_out, calls) if deposited is record_out else [deposited]
        return replaced

    def _shorten(self, record: Incoming, refused: Outgoing, calls: int) -> list[Outgoing]:
        kind = kind_of(refused.headers)
        about = {"topic": refused.topic, "bytes": len(refused.value or b""), "origin": record.origin}
        event(log, logging.WARNING, Event.RECORD_TOO_LARGE, kind=kind, **about)
        if dead.CUT_BYTES in dict(refused.headers):
            if kind == dead.TYPE:
                event(log, logging.ERROR, Event.DEAD_LETTER_DROPPED, **about)
                return []
            raise RecordsRefusedError([refused], f"{refused.topic} refuses the record even when cut: {_HINT}")
        if kind in _CUT:
            try:
                return [_cut(refused, kind)]
            except (ValueError, KeyError):
                failure(log, Event.RECORD_NOT_CUT, **about)
        cause = envelope_in(refused.headers) if kind in _ENDING else None
        if cause is not None and cause.causation_id is not None:
            cause = replace(cause, id=cause.causation_id)
        problem = f"{_size_problem(refused)}: {_HINT}, or send a smaller job"
        return self._end(record, cause, (Reason.TOO_LARGE, FailReason.BAD_REQUEST), problem, calls)

    def _end(
        self,
        record: Incoming,
        cause: Envelope | None,
        reasons: tuple[Reason, FailReason],
        problem: str,
        calls: int = 0,
        *,
        ends: bool = True,
    ) -> list[Outgoing]:
        """Return the dead letter and, if the cause names a job, that job's outcome."""
        now = self._clock()
        reason, fail_reason = reasons
        letter = dead.DeadLetter(reason, problem, self._stage, *record.origin)
        output = [dead_letter(self._topics.dead, record, letter, cause=cause, source=self._source, now=now)]
        if ends and cause is not None and cause.job_id is not None:
            agent = cause.agent_id or UNKNOWN_AGENT
            outcome = JobFailed(
                job_id=cause.job_id,
                agent_id=agent,
                tier=self._tier,
                attempts=calls,
                cost_usd=None if calls else Decimal(0),
                reason=fail_reason,
                message=problem,
            )
            FINISHED.labels(self._tier or "none", "failed", fail_reason).inc()
            step = f"given up:{cause.job_id}"
            envelope = envelope_after(
                cause, record.root, step=step, source=self._source, type=outcome.TYPE, time=now
            )
            output.append(emit(self._outcomes(agent), str(cause.job_id).encode(), envelope, outcome))
        return output


def _cut(refused: Outgoing, kind: str) -> Outgoing:
    value = refused.value or b""
    digest = _digest(value)
    body: Json = {} if kind == dead.TYPE else orjson.loads(value)
    kind, shorter = _CUT[kind](body, f"{_size_problem(refused)} ({digest})")
    headers = [
        (name, f"{TYPE_PREFIX}{kind}".encode() if name == "ce_type" else content)
        for name, content in refused.headers
        if not name.startswith(dead.ORIGINAL) and name != DATAREF
    ]
    headers += [(dead.CUT_BYTES, str(len(value)).encode()), (dead.CUT_DIGEST, digest.encode())]
    return replace(refused, value=None if shorter is None else orjson.dumps(shorter), headers=headers)


def _cut_letter(_: Json, size_problem: str) -> tuple[str, Json | None]:
    return dead.TYPE, None


def _cut_call(call: Json, size_problem: str) -> tuple[str, Json | None]:
    parts = {name: _left_out(call[name]) for name in ("request", "response") if call.get(name) is not None}
    return CallFinished.TYPE, {**call, **parts, "error": _short(call["error"])}


def _cut_answer(completed: Json, size_problem: str) -> tuple[str, Json | None]:
    names = ("job_id", "agent_id", "tier", "attempts", "cost_usd", "cascade")
    kept_fields = {name: completed[name] for name in names if name in completed}
    problem = f"the answer is there and paid for, but {size_problem}: {_HINT}"
    reason = FailReason.BAD_RESPONSE
    return JobFailed.TYPE, {"type": JobFailed.TYPE, **kept_fields, "reason": reason, "message": problem}


def _cut_outcome(outcome: Json, size_problem: str) -> tuple[str, Json | None]:
    shorter = {**outcome, "message": _short(outcome.get("message"))}
    shorter.pop("cascade", None)
    return outcome["type"], shorter


_CUT: dict[str, Callable[[Json, str], tuple[str, Json | None]]] = {
    dead.TYPE: _cut_letter,
    CallFinished.TYPE: _cut_call,
    JobCompleted.TYPE: _cut_answer,
    JobFailed.TYPE: _cut_outcome,
    JobRejected.TYPE: _cut_outcome,
    JobExpired.TYPE: _cut_outcome,
    JobCancelled.TYPE: _cut_outcome,
}


#: Records that end their job if they are refused.
_ENDING = {*_CUT} - {dead.TYPE, CallFinished.TYPE} | {
    JobSubmitted.TYPE,
    JobUndecided.TYPE,
    JobRouted.TYPE,
    ReviewRequested.TYPE,
}


def _left_out(part: Json) -> Json:
    """Return what stands for a part of a call: its size and digest."""
    content = orjson.dumps(part)
    return {"cut": {"bytes": len(content), "digest": _digest(content)}}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _KEPT_CHARS:
        return text
    return f"{text[:_KEPT_CHARS]}... ({len(text):,} characters)"


def _size_problem(refused: Outgoing) -> str:
    size = len(refused.value or b"")
    return f"its record of {size:,} bytes is larger than the topic {refused.topic} takes"
