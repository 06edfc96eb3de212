"""Recorded decisions of people: replaying them produces the same cases, byte for byte."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.state.handler import Effects
from pointsman.confidence.review import Review, requested
from pointsman.dev import samples
from pointsman.registry.cancellations import Cancellations
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman.review.case import WAITING
from pointsman.review.content import with_text
from pointsman.review.handler import ReviewHandler
from pointsman.review.state import case_key, request_key
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import parse
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import AgentEntry, RegistryRules
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import derived_id, uuid7
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.reviews import (
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
    ReviewStop,
)
from pointsman_schemas.topics import Topics

_TOPICS = Topics()
_START = datetime(2026, 1, 1, tzinfo=UTC)
_PEOPLE = tuple(f"person-{number}" for number in range(12))
#: Number of cases that wait at a time.
_WAITING = 20
#: Mean seconds between two commands; timers run every so many commands.
_PAUSE_S, _DUE_EVERY = 5.0, 60
_POLICY = """
name: bench
tiers: [small, medium, frontier]
default: {tier: medium, reason: All.}
review:
  queues:
    - {name: general, deadline_s: 14400, seeded_every: 20, open_per_person: 1000}
    - {name: legal, deadline_s: 3600, then: board, reason: always, lease_s: 300}
    - {name: board, deadline_s: 86400, people: 2}
  thresholds:
    - {name: contracts, of: answer, source: stated, above: 0.95, kinds: contract, queue: legal}
    - {name: figures, of: answer, source: stated, above: 0.95, kinds: [math, reasoning], queue: board}
    - {name: others, of: answer, source: stated, above: 0.95, queue: general}
"""


@dataclass(frozen=True, slots=True)
class ReviewRun:
    """`decisions`: decisions carried out; `commands`: commands sent; `tests`: test cases."""

    decisions: int
    commands: int
    cases: int
    tests: int
    restarts: int
    differences: int
    record_s: float
    replay_s: float


class _Service:
    """The review handler with its state in memory. It returns a digest of its results."""

    def __init__(self) -> None:
        queues = ("general", "legal", "board")
        entries = [AgentEntry(id=name, owner="reviewers", reviews=queues) for name in _PEOPLE]
        registry = Registry.of(entries, RegistryRules(unregistered="admit"))
        self._in_force = RegistryInForce(registry)
        self.now = _START
        self.state: dict[bytes, bytes] = {}
        self.restart()

    def restart(self) -> None:
        """Simulates a takeover by another process."""
        clock = lambda: self.now  # noqa: E731
        self._handler = ReviewHandler(self._in_force, _TOPICS, Cancellations(clock), clock)

    def handle(self, record: Incoming, now: datetime) -> Effects:
        self.now = now
        return self._taken(self._handler.handle(record, self.state))

    def due(self, now: datetime) -> Effects:
        self.now = now
        return self._taken(self._handler.due(now, self.state))

    def case(self, job_id: UUID) -> ReviewChanged | None:
        value = self.state.get(case_key(job_id))
        return None if value is None else ReviewChanged.model_validate_json(value)

    def _taken(self, effects: Effects) -> Effects:
        for change in effects.changes:
            assert change.key is not None
            if change.value is None:
                self.state.pop(change.key, None)
            else:
                self.state[change.key] = change.value
        return effects


def run(decisions: int, seed: int, file: Path) -> ReviewRun:
    """Simulates this many decisions, random by `seed`, records everything into `file`, and replays it."""
    began = time.monotonic()
    recorded = _Recorder(seed, file).record(decisions)
    between = time.monotonic()
    differences, restarts = replay(file, seed)
    ended = time.monotonic()
    return ReviewRun(*recorded, restarts, differences, round(between - began, 1), round(ended - between, 1))


def replay(file: Path, seed: int, restarting: float = 0.0005) -> tuple[int, int]:
    """Returns how many steps of a recorded file have another result when replayed, and the restarts.

    `restarting`: the share of steps before which the handler is restarted.
    """
    service, chance, differences, restarts = _Service(), random.Random(seed), 0, 0
    with file.open("rb") as lines:
        for line in lines:
            if chance.random() < restarting:
                service.restart()
                restarts += 1
            step = orjson.loads(line)
            now = _START + timedelta(milliseconds=step["ms"])
            effects = service.handle(_read(step["record"]), now) if step["record"] else service.due(now)
            differences += _digest(effects) != step["made"]
    return differences, restarts


class _Recorder:
    """Simulated people, some of them hasty. Records their commands and the results."""

    def __init__(self, seed: int, file: Path) -> None:
        self._chance = random.Random(seed)
        self._file = file
        self._service = _Service()
        self._templates = list(_templates())
        self._now = _START
        self._offset = 0
        self._cases = self._commands = self._decisions = 0
        self._known: list[UUID] = []
        self._tests: set[UUID] = set()

    def record(self, decisions: int) -> tuple[int, int, int, int]:
        """Continues until this many decisions were carried out. Returns decisions, commands, cases, tests."""
        with self._file.open("wb") as self._out:
            step = 0
            while self._decisions < decisions:
                step += 1
                self._now += timedelta(milliseconds=round(self._chance.expovariate(1 / _PAUSE_S) * 1000))
                if len(self._known) < _WAITING:
                    self._open()
                elif step % _DUE_EVERY == 0:
                    while self._wrote(None, self._service.due(self._now)):
                        pass
                else:
                    self._act(self._chance.choice(self._known))
        return self._decisions, self._commands, self._cases, len(self._tests)

    def _open(self) -> None:
        self._cases += 1
        template = self._chance.choice(self._templates)
        job_id = uuid7(self._now, self._chance.randbytes(10))
        assert template.proposed is not None
        job = template.job.model_copy(update={"job_id": job_id})
        proposed = template.proposed.model_copy(update={"job_id": job_id})
        self._send(template.model_copy(update={"job": job, "proposed": proposed}), job_id, job.agent_id)

    def _act(self, job_id: UUID) -> None:
        """One command by one person about a case; it may be invalid."""
        case = self._service.case(job_id)
        if case is None or case.status not in WAITING:
            self._known.remove(job_id)
            return
        chance = self._chance
        by = case.claim.by if case.claim is not None and chance.random() < 0.9 else chance.choice(_PEOPLE)
        revision = case.revision if chance.random() < 0.95 else max(1, case.revision - 1)
        about: dict[str, Any] = {"job_id": job_id, "by": by, "revision": revision}
        if case.claim is None:
            command: Message = ReviewClaim(**about)
        elif chance.random() < 0.05:
            command = ReviewRelease(**about)
        else:
            command = self._decision(case, about)
        self._commands += 1
        record = self._send(command, job_id, by)
        if chance.random() < 0.05:  # twice
            self._commands += 1
            self._handled(replace(record, offset=self._next()))

    def _decision(self, case: ReviewChanged, about: Mapping[str, Any]) -> ReviewDecide:
        chance = self._chance
        choice = chance.choices(("approve", "edit", "reject", "send"), (70, 10, 15, 5))[0]
        more: dict[str, Any] = {"seen": case.origin.sha256 if chance.random() < 0.98 else "0" * 64}
        if choice == "edit":
            value = self._service.state[request_key(case.job_id)]
            answer = ReviewRequested.model_validate_json(value).proposed
            assert answer is not None
            more["response"] = with_text(answer.response, f"Instead: {chance.random()}")
        if choice == "send":
            more["tier"] = chance.choice(("small", "medium", "frontier", "huge"))
        more["reason"] = "because" if chance.random() < 0.95 else ""
        return ReviewDecide(**about, choice=choice, **more)

    def _send(self, message: Message, job_id: UUID, by: str) -> Incoming:
        topic = _TOPICS.review if isinstance(message, ReviewRequested) else _TOPICS.reviews_decided
        offset = self._next()
        id = derived_id(topic.name, 0, offset, "bench")
        envelope = first_envelope(
            id, source=by, type=message.TYPE, time=self._now, agent_id=by, job_id=job_id
        )
        made = emit(topic, str(job_id).encode(), envelope, message)
        record = Incoming(
            made.topic, 0, offset, _ms(self._now), made.key, made.value, tuple(made.headers), by_broker=True
        )
        self._handled(record)
        return record

    def _handled(self, record: Incoming) -> None:
        effects = self._service.handle(record, self._now)
        self._wrote(record, effects)
        for change in effects.changes:
            if change.key is not None and change.key.startswith(b"case/") and change.value is not None:
                case = orjson.loads(change.value)
                job_id = UUID(case["job_id"])
                if case["change"] == "opened":
                    self._known.append(job_id)
                if case.get("seeded"):
                    self._tests.add(job_id)
        decides = dict(record.headers)["ce_type"].endswith(ReviewDecide.TYPE.encode())
        answers = [made for made in effects.records if made.topic == _TOPICS.reviews_answers.name]
        if decides and answers and orjson.loads(answers[0].value or b"null")["refused"] is None:
            self._decisions += 1

    def _wrote(self, record: Incoming | None, effects: Effects) -> bool:
        """Records a step. Returns whether it had an effect."""
        ms = _ms(self._now) - _ms(_START)
        step = {"ms": ms, "record": None if record is None else _told(record), "made": _digest(effects)}
        self._out.write(orjson.dumps(step) + b"\n")
        return bool(effects.records or effects.changes)

    def _next(self) -> int:
        self._offset += 1
        return self._offset


def _templates() -> Iterator[ReviewRequested]:
    """The sample jobs, routed by a policy that stops each of them, with their known answers."""
    registry = Registry.of([], RegistryRules(unregistered="admit"))
    router = RouterHandler(Policy.compile(parse(_POLICY)), RegistryInForce(registry), _TOPICS, lambda: _START)
    answers = samples.answers()
    for place, job in enumerate(samples.load()):
        body = {**job, "job_id": str(derived_id("bench", 0, place, "job"))}
        intake = Incoming(
            _TOPICS.intake.name, 0, place, _ms(_START), body["job_id"].encode(), orjson.dumps(body), ()
        )
        for made in unpacked(router.handle_records([intake])):
            read = decode(Incoming(made.topic, 0, place, 0, made.key, made.value, tuple(made.headers)))
            if isinstance(read, Decoded) and isinstance(read.message, JobRouted):
                answer = answers[job["metadata"]["sample"]]
                yield _request(read.message, answer if isinstance(answer, str) else str(answer))


def _request(routed: JobRouted, answer: str) -> ReviewRequested:
    plan = routed.decision.review
    assert plan is not None
    threshold = plan.thresholds[0]
    stop = ReviewStop(
        rule=threshold.name,
        of="answer",
        source=threshold.source,
        value="0.94",
        threshold=threshold.above,
        detail="0.94 < 0.95",
    )
    choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
    proposed = JobCompleted(
        job_id=routed.job.job_id,
        agent_id=routed.job.agent_id,
        attempts=1,
        cost_usd=Decimal("0.0001"),
        tier=routed.decision.tier,
        provider="simulator",
        model="bench",
        usage=None,
        response={"id": "bench", "object": "chat.completion", "choices": [choice]},
    )
    review = Review((), stop, threshold.queue)
    return requested(routed.job, routed.decision, review, proposed=proposed)


def _digest(effects: Effects) -> str:
    """Covers every byte written: topics, keys, values, headers."""
    digest = sha256()
    for made in _all(effects):
        headers = [(name, value.decode()) for name, value in made.headers]
        digest.update(orjson.dumps([made.topic, _text(made.key), _text(made.value), headers]))
    return digest.hexdigest()


def _all(effects: Effects) -> Sequence[Outgoing]:
    return [*effects.records, *effects.changes]


def _told(record: Incoming) -> list[Any]:
    headers = [(name, value.decode()) for name, value in record.headers]
    return [record.topic, record.offset, record.timestamp_ms, _text(record.key), _text(record.value), headers]


def _read(fields: Sequence[Any]) -> Incoming:
    topic, offset, ms, key, value, headers = fields
    named = tuple((name, text.encode()) for name, text in headers)
    return Incoming(topic, 0, offset, ms, key.encode(), value.encode(), named, by_broker=True)


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode()


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
