"""Many people who decide many cases concurrently, repeatedly, late and wrongly."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import Message
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobRejected
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
)
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics
from tests.support.review.cases import claim, decide, edited, release

_EXTRA: dict[str, dict[str, Any]] = {"edit": {"response": edited()}, "send": {"tier": "small"}}
_STATUS = {"approve": "approved", "edit": "edited", "reject": "rejected", "send": "sent"}


@dataclass
class Crowd:
    """`sent`: the commands by their ids."""

    topics: Topics
    people: Sequence[str]
    seed: int
    sent: dict[UUID, Message] = field(default_factory=dict)

    def commands(self, requests: Sequence[ReviewRequested], people: int = 3) -> list[Outgoing]:
        """Commands of `people` persons per case, who all want to decide it, each at their own pace.

        The first to claim a case also decides it, so each case ends; everything else must be refused.
        """
        chance = random.Random(self.seed)
        threads = [
            list(self._person(by, requested, chance))
            for requested in requests
            for by in chance.sample(self.people, people)
        ]
        mixed: list[Outgoing] = []
        threads.sort(key=lambda _: chance.random())
        # Limits how many act at a time; the order of their commands is random.
        active: list[list[Outgoing]] = []
        while threads or active:
            while threads and len(active) < len(self.people):
                active.append(threads.pop())
            thread = chance.choice(active)
            mixed.append(thread.pop(0))
            if not thread:
                active.remove(thread)
        return mixed

    def _person(self, by: str, requested: ReviewRequested, chance: random.Random) -> Iterator[Outgoing]:
        choice = chance.choice(list(_STATUS))
        claims = claim(requested, by)
        decides = decide(requested, choice, by, **_EXTRA.get(choice, {}))
        yield from self._clicked(claims, chance)
        if chance.random() < 0.1:
            yield self._record(decide(requested, "approve", by, seen="0" * 64))
        yield from self._clicked(decides, chance)
        if chance.random() < 0.3:
            yield self._record(decide(requested, "edit", by, 3, response=edited("after the end")))
        if chance.random() < 0.2:
            yield self._record(release(requested, by, 3))

    def _clicked(self, command: Message, chance: random.Random) -> Iterator[Outgoing]:
        """Yields it once or twice; the second time as a new record or as the same one."""
        first = self._record(command)
        yield first
        if chance.random() < 0.4:
            yield first if chance.random() < 0.5 else self._record(command)

    def _record(self, command: ReviewClaim | ReviewDecide | ReviewRelease | Message) -> Outgoing:
        assert isinstance(command, ReviewClaim | ReviewDecide | ReviewRelease)
        id, now = uuid4(), utc_now()
        self.sent[id] = command
        envelope = first_envelope(
            id, source=command.by, type=command.TYPE, time=now, agent_id="a", job_id=command.job_id
        )
        return emit(self.topics.reviews_decided, str(command.job_id).encode(), envelope, command)


def request_record(topics: Topics, requested: ReviewRequested) -> Outgoing:
    """A request as a worker sends it."""
    job, now = requested.job, utc_now()
    envelope = first_envelope(
        uuid4(), source="test", type=requested.TYPE, time=now, agent_id=job.agent_id, job_id=job.job_id
    )
    return emit(topics.review, str(job.job_id).encode(), envelope, requested)


def problems(
    topics: Topics, crowd: Crowd, requests: Sequence[ReviewRequested], log: Sequence[Incoming]
) -> list[str]:
    """Violations in the whole log: each case needs one decision and one outcome, each command one answer."""
    asked = Counter(record.origin for record in log if record.topic == topics.reviews_decided.name)
    answers = _of(log, topics.reviews_answers, ReviewAnswered)
    commands = _of(log, topics.reviews_decided, (ReviewClaim, ReviewDecide, ReviewRelease))
    counts = Counter(decoded.envelope.id for decoded in answers)
    wrong = [f"answer {id} was given {times} times" for id, times in counts.items() if times > 1]
    if len(answers) != len(asked):
        wrong.append(f"{len(asked)} commands, {len(answers)} answers")
    by_id = {decoded.envelope.id: decoded.message for decoded in commands}
    carried_out = {
        decoded.envelope.causation_id
        for decoded in answers
        if isinstance(decoded.message, ReviewAnswered) and decoded.message.refused is None
    }
    decisions: dict[UUID, list[ReviewDecide]] = {}
    for id in carried_out:
        command = by_id.get(id)  # type: ignore[arg-type]
        if isinstance(command, ReviewDecide):
            decisions.setdefault(command.job_id, []).append(command)
    outcomes: dict[UUID, list[Message]] = {}
    ends: tuple[tuple[Topic, type[Message]], ...] = (
        (topics.results, JobCompleted),
        (topics.results, JobRejected),
        (topics.tier("small"), JobRouted),
    )
    for topic, kind in ends:
        for decoded in _of(log, topic, kind):
            message = decoded.message
            job = message.job.job_id if isinstance(message, JobRouted) else message.job_id  # type: ignore[attr-defined]
            outcomes.setdefault(job, []).append(message)
    states: dict[UUID, ReviewChanged] = {}
    for decoded in _of(log, topics.reviews_state, ReviewChanged):
        assert isinstance(decoded.message, ReviewChanged)
        states[decoded.message.job_id] = decoded.message
    for requested in requests:
        job = requested.job.job_id
        made, ended = decisions.get(job, []), outcomes.get(job, [])
        if len(made) != 1 or len(ended) != 1:
            wrong.append(f"case {job}: {len(made)} decisions, {len(ended)} outcomes")
            continue
        if states[job].status != _STATUS[made[0].choice]:
            wrong.append(f"case {job}: {made[0].choice}, but it is {states[job].status}")
        wrong += _otherwise(requested, made[0], ended[0])
    return wrong


def _otherwise(requested: ReviewRequested, decision: ReviewDecide, ended: Message) -> list[str]:
    """Cases in which the effect differs from the decision."""
    match decision.choice:
        case "approve":
            right = ended == requested.proposed
        case "edit":
            right = isinstance(ended, JobCompleted) and ended.response == decision.response
        case "reject":
            right = isinstance(ended, JobRejected) and decision.by in ended.message
        case "send":
            right = isinstance(ended, JobRouted) and ended.decision.tier == decision.tier
    return [] if right else [f"case {decision.job_id}: {decision.choice} was carried out as {ended.TYPE}"]


def _of(
    log: Sequence[Incoming], topic: Topic, kinds: type[Message] | tuple[type[Message], ...]
) -> list[Decoded]:
    read = [decode(record) for record in log if record.topic == topic.name and record.value is not None]
    return [
        decoded for decoded in read if isinstance(decoded, Decoded) and isinstance(decoded.message, kinds)
    ]
