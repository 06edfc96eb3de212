"""A recorded incident: jobs with records on every topic, written by production code."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.emit import dead_letter, emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished, Usage
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.decisions import Check, Choice, Decision
from pointsman_schemas.envelope import envelope_after, first_envelope
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import JobRouted, JobSubmitted
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobFailed, JobRejected
from pointsman_schemas.reasons import FailReason, Reason
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics
from tests.support.running.servers import Servers
from tests.support.store.audit_store import audit_pool

TOPICS = Topics()
START = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
#: US dollars per million tokens, in and out.
PRICES = {"small": (0.1, 0.4), "medium": (0.4, 1.6), "frontier": (2.0, 8.0)}
MODELS = {"small": "gpt-4.1-nano", "medium": "gpt-4.1-mini", "frontier": "gpt-4.1"}


@dataclass(frozen=True)
class Try:
    """One call: result, duration, tokens in and out; `paid` False: unknown price."""

    error: FailReason | None = None
    status: str | None = None
    ms: float = 800
    tokens: tuple[int, int] | None = (200, 100)
    paid: bool = True

    @property
    def ended(self) -> str:
        return self.status or ("retry" if self.error else "ok")


def job_id(number: int) -> UUID:
    """The id of job `number`."""
    return derived_id("incident", 0, number, "job")


@dataclass(frozen=True)
class Job:
    """A job to record: routed a second after submission (unless `end` is rejected), then called, then ended.

    `tiers`: more than one if it was routed again. `end`: completed, failed, rejected, cancelled or None.
    """

    number: int
    at: datetime = START
    agent: str = "chat-desk"
    kind: str | None = "chat"
    prompt: str = "What is due today?"
    tiers: tuple[str, ...] = ("small",)
    rule: str = "everyday-writing"
    policy: str = "p-1"
    calls: tuple[Try, ...] = (Try(),)
    end: str | None = "completed"
    model: str | None = None

    @property
    def id(self) -> UUID:
        return job_id(self.number)

    def records(self) -> list[Incoming]:
        log = _Log(self)
        submitted = JobSubmitted.model_validate(
            {"job_id": self.id, "agent_id": self.agent, "kind": self.kind,
             "request": {"messages": [{"role": "user", "content": self.prompt}]}}
        )  # fmt: skip
        log.add(TOPICS.intake, submitted, 0)
        if self.end == "rejected":
            log.add(TOPICS.results, self._rejected(), 1)
            return log.records
        at = 0.0
        for tier in self.tiers:
            at += 1
            log.add(TOPICS.tier(tier), JobRouted(job=submitted.job(), decision=self._decision(tier)), at)
        began = at + 2
        for attempt, call in enumerate(self.calls, 1):
            log.calls.append((self._call(attempt, call, self.at + timedelta(seconds=began)), began))
            began += call.ms / 1000 + 1
        if self.end is None and not self.calls:
            return log.records
        # A worker writes its calls when the job has ended, one after the other.
        for left, (message, _) in zip(reversed(range(len(log.calls))), log.calls, strict=True):
            log.add(TOPICS.calls, message, began - left * 1e-6)
        if self.end is not None:
            log.add(TOPICS.results, self._outcome(), began)
        return log.records

    def _decision(self, tier: str) -> Decision:
        registered = f"{self.agent} is registered, owner is customer-care"
        return Decision(
            tier=tier, rule=self.rule, reason=f"{self.rule} says {tier}", policy_version=self.policy,
            runner_up=Choice(tier="medium", rule="default", reason="nothing else fits"),
            checks=(Check(layer="admission", name="agent", passed=True, detail=registered),),
        )  # fmt: skip

    def _call(self, attempt: int, call: Try, began_at: datetime) -> CallFinished:
        tier = self.tiers[-1]
        usage = (
            None if call.tokens is None else Usage(input_tokens=call.tokens[0], output_tokens=call.tokens[1])
        )
        return CallFinished.model_validate(
            {"job_id": self.id, "agent_id": self.agent, "tier": tier, "provider": "simulator",
             "model": MODELS[tier], "attempt": attempt,
             "model_answered": None if call.error else self.model or answered_by(tier),
             "started_at": began_at, "duration_ms": call.ms, "status": call.ended,
             "http_status": 503 if call.error else 200, "error_type": call.error,
             "error": "it is overloaded" if call.error else None, "request": {"q": self.prompt},
             "response": None if call.error else {"a": "tomorrow"}, "usage": usage,
             "cost_usd": cost(tier, call.tokens) if call.paid and call.tokens else None, "prices": "test"}
        )  # fmt: skip

    def _outcome(self) -> Message:
        base = {
            "job_id": self.id,
            "agent_id": self.agent,
            "tier": self.tiers[-1],
            "attempts": len(self.calls),
        }
        match self.end:
            case "completed":
                answer = {
                    "provider": "simulator",
                    "model": MODELS[self.tiers[-1]],
                    "usage": None,
                    "response": {"choices": [{"message": {"content": "It is due tomorrow."}}]},
                }
                return JobCompleted(**base, **answer, cost_usd=None)
            case "failed":
                reason = next(call.error for call in self.calls if call.error)
                return JobFailed(**base, reason=reason, message="given up", cost_usd=None)
            case _:
                return JobCancelled(**base, cancelled_by="ops", message="not wanted any more", cost_usd=None)

    def _rejected(self) -> JobRejected:
        return JobRejected(
            job_id=self.id, agent_id=self.agent, tier=None, attempts=0, cost_usd=Decimal(0),
            reason=Reason.AGENT_NOT_ALLOWED, message="not registered",
        )  # fmt: skip


def answered_by(tier: str) -> str:
    """The model's name in the answers of this tier's provider."""
    return f"{MODELS[tier]}-2025-04-14"


def cost(tier: str, tokens: tuple[int, int]) -> Decimal:
    """The cost of these tokens on the tier."""
    price_in, price_out = PRICES[tier]
    return Decimal(str(round((tokens[0] * price_in + tokens[1] * price_out) / 1e6, 10)))


class _Log:
    """The records of one job, at the job's number in each topic."""

    def __init__(self, job: Job) -> None:
        self.records: list[Incoming] = []
        self.calls: list[tuple[CallFinished, float]] = []
        self._job = job
        self._cause = first_envelope(
            derived_id("incident", 0, job.number, "submitted"), source=job.agent, type=JobSubmitted.TYPE,
            time=job.at, agent_id=job.agent, job_id=job.id,
        )  # fmt: skip

    def add(self, topic: Topic, message: Message, seconds: float) -> None:
        time = self._job.at + timedelta(seconds=seconds)
        place = self._job.number * 100 + len(self.records)
        cover = self._cause
        if self.records:
            cover = envelope_after(
                self._cause, (topic.name, 0, place), step=message.TYPE, source=_source(topic, self._job),
                type=message.TYPE, time=time,
            )  # fmt: skip
            cover = replace(cover, attempt=getattr(message, "attempt", None))
        sent = emit(topic, str(self._job.id).encode(), cover, message)
        self.records.append(arrived(sent, place, time))


def _source(topic: Topic, job: Job) -> str:
    routing = topic.name.startswith(TOPICS.tier("x").name[:-1]) or job.end == "rejected"
    return "pointsman/router" if routing else f"pointsman/worker/{job.tiers[-1]}"


def arrived(sent: Outgoing, place: int, time: datetime) -> Incoming:
    """The record as read from partition 0."""
    return Incoming(
        sent.topic, 0, place, int(time.timestamp() * 1000), sent.key, sent.value, tuple(sent.headers)
    )


def unreadable(number: int, at: datetime, value: bytes = b"{ no json") -> Incoming:
    """An invalid record of the intake."""
    bad_record = Incoming(TOPICS.intake.name, 0, number, int(at.timestamp() * 1000), None, value, ())
    letter = DeadLetter(Reason.NOT_JSON, "expected a quote", "router", *bad_record.origin)
    sent = dead_letter(TOPICS.dead, bad_record, letter, cause=None, source="pointsman/router", now=at)
    return arrived(sent, number, at)


@contextmanager
def recorded(stack: Servers, jobs: Sequence[Job], *others: Incoming) -> Iterator[str]:
    """The address of a new database with these jobs, for read-only tests of a module."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(stack.execute(f'create database "{name}"'))
    asyncio.run(record(stack.dsn(name), jobs, *others))
    yield stack.dsn(name)
    asyncio.run(stack.execute(f'drop database "{name}" with (force)'))


async def record(dsn: str, jobs: Sequence[Job], *others: Incoming) -> None:
    """Stores all records of the jobs as the audit service does."""
    records = sorted(
        [record for job in jobs for record in job.records()] + list(others), key=lambda record: record.origin
    )
    ends = {(record.topic, record.partition): record.offset + 1 for record in records}
    async with audit_pool(dsn) as pool:
        writer = AuditWriter(pool, clock=lambda: START)
        stand = await writer.positions(list(ends))
        moves = {lane: Move(stand.get(lane), end) for lane, end in ends.items()}
        await writer.append([row_of(record, TOPICS) for record in records], moves)


def failing_agent(first: int = 0) -> list[Job]:
    """An hour in which the small tier's model fails for one agent from 9:30 on.

    120 jobs: every third is from `invoice-reader`, every fourth on medium; the policy changes at the 50th.
    From the 60th on, this agent's jobs on small fail.
    """
    jobs = []
    for number in range(120):
        agent = "invoice-reader" if number % 3 == 0 else "chat-desk"
        tier = "medium" if number % 4 == 0 else "small"
        job = Job(
            first + number, START + timedelta(seconds=30 * number), agent,
            "extract" if number % 3 == 0 else "chat",
            "x" * (10 + 700 * (number % 5)), (tier,), policy="p-1" if number < 50 else "p-2",
            calls=(Try(tokens=(200 + number, 100 + number % 7)),),
        )  # fmt: skip
        if number >= 60 and agent == "invoice-reader" and tier == "small":
            failed = Try(FailReason.SERVER_ERROR, ms=1500, tokens=(200, 0))
            job = replace(job, calls=(failed, failed, failed), end="failed")
        jobs.append(job)
    return jobs
