"""Audit rows of realistic jobs: the sample jobs, routed by the real router, with made-up calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson

from pointsman import starter
from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.dev import samples
from pointsman.dev.simulator.answering.models import MODELS
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.store.append.row import Row
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished, Usage
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import Job, JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

START = datetime(2026, 1, 1, tzinfo=UTC)
_TOPICS = Topics()
_PRICES = {"small": (0.1, 0.4), "medium": (0.4, 1.6), "frontier": (2.0, 8.0)}
_MODELS = {model.tier: model for model in MODELS}


@dataclass(frozen=True, slots=True)
class TimedRow:
    """A row of job number `job`, `seconds` after the job's first row."""

    job: int
    seconds: float
    row: Row


def shipped(policy: Path = starter.POLICY) -> tuple[Policy, RegistryInForce]:
    """Return a policy, by default the starter policy, and the starter agents."""
    compiled = Policy.compile(load_policy(policy))
    return compiled, RegistryInForce(load_agents(starter.AGENTS, compiled.tiers).registry)


def steps(policy: Policy, in_force: RegistryInForce, rounds: int) -> list[TimedRow]:
    """Return the rows of every sample job, `rounds` times with new ids. A few jobs retry, a few fail."""
    router = RouterHandler(policy, in_force, _TOPICS, lambda: START)
    timed = []
    for number, (intake, agent) in enumerate(_submitted(rounds)):
        (routed,) = [
            out
            for out in unpacked(router.handle_records([intake]))
            if out.topic.startswith(_TOPICS.tier("").name)
        ]
        record = _arrived(routed, number)
        read = decode(record)
        assert isinstance(read, Decoded)
        assert isinstance(read.message, JobRouted)
        ends = list(_worked(number, read.message, read.envelope, record, agent))
        for seconds, stored in [(0.0, intake), (0.02, record), *ends]:
            timed.append(TimedRow(number, seconds, row_of(stored, _TOPICS)))
    return timed


def _submitted(rounds: int) -> Iterator[tuple[Incoming, str]]:
    for number in range(rounds):
        for place, job in enumerate(samples.load()):
            offset = number * 1000 + place
            body = {**job, "job_id": str(derived_id("bench", 0, offset, "job"))}
            key = body["job_id"].encode()
            yield (
                Incoming(_TOPICS.intake.name, 0, offset, _ms(START), key, orjson.dumps(body), ()),
                job["agent_id"],
            )


def _worked(
    number: int, routed: JobRouted, cause: Envelope, record: Incoming, agent: str
) -> Iterator[tuple[float, Incoming]]:
    """Yield a job's calls and its outcome, each with the second at which it was written."""
    tier = routed.decision.tier
    failing = agent == "invoice-reader" and number % 5 == 0
    tries = 3 if failing else 2 if number % 40 == 7 else 1
    took = [0.4 + (number * 37 % 100) / 50 for _ in range(tries)]
    ended = 0.1 + sum(took) + 0.5 * (tries - 1)
    for attempt in range(1, tries + 1):
        good = attempt == tries and not failing
        call = _call(routed.job, tier, attempt, took[attempt - 1] * 1000, good=good)
        yield ended, _followed(_TOPICS.calls, call, cause, record, attempt)
    base = {
        "job_id": routed.job.job_id, "agent_id": agent, "tier": tier, "attempts": tries,
        "cost_usd": Decimal("0.0001"),
    }  # fmt: skip
    if failing:
        end: Message = JobFailed(**base, reason=FailReason.SERVER_ERROR, message="given up after 3 attempts")
    else:
        answered = _call(routed.job, tier, tries, 0, good=True)
        model = _MODELS[tier].snapshot
        end = JobCompleted(
            **base, provider="simulator", model=model, usage=answered.usage, response=answered.response or {}
        )
    yield ended, _followed(_TOPICS.results, end, cause, record, 0)


def _call(job: Job, tier: str, attempt: int, ms: float, *, good: bool) -> CallFinished:
    request = {"model": _MODELS[tier].name, **job.request.model_dump(mode="json", exclude_unset=True)}
    answer = samples.answers().get(str(job.metadata.get("sample")), "") if good else ""
    text = answer if isinstance(answer, str) else orjson.dumps(answer).decode()
    usage = Usage(input_tokens=len(orjson.dumps(request)) // 4, output_tokens=max(1, len(text) // 4))
    price_in, price_out = _PRICES[tier]
    cost = (usage.input_tokens * price_in + usage.output_tokens * price_out) / 1e6
    model = _MODELS[tier].snapshot
    response = {
        "id": f"chatcmpl-{job.job_id.hex[:24]}", "object": "chat.completion", "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
    }  # fmt: skip
    return CallFinished(
        job_id=job.job_id, agent_id=job.agent_id, tier=tier, provider="simulator", model=_MODELS[tier].name,
        model_answered=model if good else None, attempt=attempt, started_at=START, duration_ms=ms,
        status="ok" if good else "retry", http_status=200 if good else 503,
        error_type=None if good else FailReason.SERVER_ERROR, error=None if good else "overloaded",
        request=request, response=response if good else None, usage=usage if good else None,
        cost_usd=Decimal(str(round(cost, 10))) if good else Decimal(0), prices="bench",
    )  # fmt: skip


def _followed(topic: Topic, message: Message, cause: Envelope, record: Incoming, attempt: int) -> Incoming:
    envelope = envelope_after(
        cause, record.origin, step=f"{message.TYPE}:{attempt}", source="pointsman/worker/bench",
        type=message.TYPE, time=START, attempt=attempt or None,
    )  # fmt: skip
    return _arrived(emit(topic, record.key, envelope, message), record.offset * 10 + attempt)


def _arrived(sent: Outgoing, offset: int) -> Incoming:
    return Incoming(sent.topic, 0, offset, _ms(START), sent.key, sent.value, tuple(sent.headers))


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
