"""A job's place in the queue: the jobs before it on its tier, and the limit that holds it."""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from pointsman.bus.read.ahead import ahead
from pointsman.bus.read.log_end import log_end
from pointsman.client.look_back import earliest
from pointsman.limits.budgets import Sliding
from pointsman.limits.joining import STANDING_EVERY, join
from pointsman.limits.ledger import Ledger, Ticket
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

State = Literal["unknown", "ended", "in_lane", "limited"]


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A job's place.

    `state`: `unknown` (not routed yet, or no such job), `ended`, `in_lane` (it waits for a worker, or a
    worker has it), `limited` (a worker has it, and a limit holds it). `before`: earlier jobs of its lane that
    are not finished; an upper bound unless `exact`. A worker runs many jobs of a lane at once, so with a
    small number the job is probably in progress. `limit`: what holds it; `limit_before`: how many calls of
    all processes go first. `seconds`: time until its call, estimated from the limit's rate; None if unknown.
    """

    job_id: UUID
    state: State
    tier: str | None = None
    before: int = 0
    exact: bool = True
    limit: str | None = None
    limit_before: int | None = None
    seconds: float | None = None


async def standing(kafka: KafkaPart, topics: Topics, job_id: UUID) -> QueuePlace:
    """Return the place of any job, also of other clients.

    Raises:
        BusError: Kafka cannot be read.
    """
    place = await ahead(kafka, topics, job_id, earliest([job_id], utc_now()))
    if place is None:
        return QueuePlace(job_id, "unknown")
    if place.ended:
        return QueuePlace(job_id, "ended", place.tier)
    ledger = await ledger_of(kafka, topics)
    ticket = next(
        (ticket for ticket in ledger.waiting.values() if ticket.call.startswith(f"{job_id}:")), None
    )
    in_lane = QueuePlace(job_id, "in_lane", place.tier, place.before, place.exact)
    if ticket is None:
        return in_lane
    limit, before = ledger.held_by(ticket), _before(ledger, ticket)
    seconds = seconds_until(ledger, ticket, before)
    return replace(in_lane, state="limited", limit=limit, limit_before=before, seconds=seconds)


async def ledger_of(kafka: KafkaPart, topics: Topics) -> Ledger:
    """Return the current state of the shared limits.

    Raises:
        BusError: Kafka cannot be read.
    """
    most: int | None = 3 * STANDING_EVERY
    while True:
        entries = await log_end(kafka, topics.limits, most)
        joined = join(entries, whole=most is None)
        if joined is not None:
            return joined.ledger
        most = None


def seconds_until(ledger: Ledger, ticket: Ticket, before: int) -> float | None:
    """Estimate the wait from the rates of full budgets: a lower bound if calls differ in size."""
    waits = [
        (before + 1) * amount * budget.span_ms / max(1, budget.limit) / 1000
        for name, amount in ticket.wants.items()
        if isinstance(budget := ledger.budgets[name], Sliding) and not budget.fits(amount)
    ]
    pause = (ledger.paused_until(ticket.target) - ledger.at) / 1000
    return max([*waits, *([pause] if pause > 0 else [])], default=None)


def _before(ledger: Ledger, ticket: Ticket) -> int:
    return sum(
        waiting.number < ticket.number and not ticket.wants.keys().isdisjoint(waiting.wants)
        for waiting in ledger.waiting.values()
    )
