"""Publish the sample jobs and follow them in the audit database."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.bus.admin.lag import lag, lanes
from pointsman.client import Client
from pointsman.dev import samples
from pointsman.dev.show.board import Board
from pointsman.dev.show.narrator import Narrator
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.answers import JobState, TierCost, TierOutcomes
from pointsman.store.ask.jobs import Jobs
from pointsman_schemas.topics import Topics

#: Fewest audit rows of a completed job: submitted, routed, one call, the outcome.
_LEAST_ROWS = 4
#: Fewest audit rows of a job that waits for a person: submitted, the request, the case.
_LEAST_WAITING = 3
_ENDED = {"completed", "failed", "rejected", "expired", "cancelled"}


class Sender(NamedTuple):
    """The Kafka settings with which jobs are published, and the key that signs them."""

    kafka: KafkaPart
    key: PrivateKey | None = None


@dataclass(frozen=True)
class Journey:
    """The state of each job on record, and one line per problem in `missing`.

    `waiting` are the jobs that a person has to decide, the earliest deadline first.
    """

    job_ids: Sequence[UUID] = ()
    states: Sequence[JobState] = ()
    missing: Sequence[str] = ()
    waiting: Sequence[UUID] = ()
    outcomes: Sequence[TierOutcomes] = ()
    costs: Sequence[TierCost] = ()


async def travel(
    kafka: KafkaPart,
    postgres: str,
    tiers: Sequence[str],
    *,
    tell: Narrator,
    patience_s: float,
    sender: Callable[[str], Sender] | None = None,
) -> Journey:
    """Publish the sample jobs and show progress until each has its outcome and rows, or waits for a person.

    Stops after `patience_s` seconds. `sender` returns an agent's Kafka settings and key; by default `kafka`
    is used.
    """
    topics = Topics()
    names = [topic.name for topic in topics.all(tiers) if "audit" in topic.readers]
    watched = lanes(topics, tiers)
    board = Board(topics.prefix)
    async with Jobs.opened(postgres) as jobs:
        board.draw([], await jobs.count_of(names))  # from here on the rates count
        job_ids = await _publish(samples.load(), sender or (lambda _: Sender(kafka)))
        tell.say(f"published {len(job_ids)} sample jobs\n")
        give_up = time.monotonic() + patience_s
        with tell.redrawn() as draw:
            while True:
                states = await jobs.states(job_ids)
                waiting = await jobs.waiting_for_a_person(job_ids)
                missing = what_is_missing(job_ids, states, waiting)
                last = not missing or time.monotonic() > give_up
                lags, counts = await asyncio.gather(lag(kafka, watched), jobs.count_of(names))
                draw(board.draw(lags, counts, whole=last))
                if last:
                    break
                await asyncio.sleep(0.25)
        since = datetime.now(UTC) - timedelta(days=1)
        outcomes = await jobs.outcomes_by_tier(since, job_ids)
        costs = await jobs.cost_by_tier(since, job_ids)
    return Journey(job_ids, states, missing, waiting, outcomes, costs)


async def _publish(jobs: Sequence[dict[str, Any]], sender: Callable[[str], Sender]) -> list[UUID]:
    """Publish the jobs with one client per sender. Returns the ids in the order of the jobs."""
    senders = {agent: sender(agent) for agent in {job["agent_id"] for job in jobs}}
    ids: dict[int, UUID] = {}
    for kafka, key in set(senders.values()):
        own = [place for place, job in enumerate(jobs) if senders[job["agent_id"]] == (kafka, key)]
        async with Client(kafka=kafka, key=key) as client:
            ids |= zip(own, await client.publish_many(jobs[place] for place in own), strict=True)
    return [ids[place] for place in sorted(ids)]


def what_is_missing(
    job_ids: Sequence[UUID], states: Sequence[JobState], waiting: Sequence[UUID] = ()
) -> list[str]:
    """Return a line for each job that neither ended nor waits for a person, or has too few audit rows."""
    known = {state.job_id: state for state in states}
    missing = []
    for job_id in job_ids:
        state = known.get(job_id)
        waits = job_id in waiting
        if state is None or not (waits or state.state in _ENDED):
            missing.append(f"job {job_id} has no outcome on record")
        elif state.messages < (_LEAST_WAITING if waits else _LEAST_ROWS if state.state == "completed" else 0):
            missing.append(f"job {job_id} has only {state.messages} messages on record")
    return missing
