"""Lists models that are paused or broken for all workers, and resumes them."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pointsman.bus.codec.emit import emit_own
from pointsman.bus.produce.publisher import Publisher
from pointsman.client.line import ledger_of
from pointsman.limits.bounds import LAST_MS
from pointsman.limits.ledger import Ledger
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.limits import LimitResumed
from pointsman_schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class HeldTarget:
    """A provider's model that is not called. `until`: end of its pause, or time of the next probe.

    `seconds`: time left until then; `since`: None if the beginning is not recorded.
    """

    target: str
    state: Literal["paused", "broken"]
    since: datetime | None
    until: datetime
    seconds: float


async def held_now(kafka: KafkaPart, topics: Topics) -> list[HeldTarget]:
    """Return the held models, by this machine's clock.

    Raises:
        BusError: the topic cannot be read.
    """
    return held_at(await ledger_of(kafka, topics), round(time.time() * 1000))


def held_at(ledger: Ledger, at: int) -> list[HeldTarget]:
    """Return the held models at `at`, in milliseconds since 1970, or at the log's time if that is later."""
    at, targets = max(at, ledger.at), []
    for target in sorted(ledger.targets):
        if (until := ledger.paused_until(target)) > at:
            targets.append(_held_target(target, "paused", ledger.paused_since(target), until, at))
        breaker = ledger.breaker(target)
        if breaker.state == "open" and breaker.until > at:
            targets.append(_held_target(target, "broken", breaker.since, breaker.until, at))
    return targets


def named(name: str, targets: Iterable[HeldTarget], tiers: Mapping[str, Collection[str]]) -> list[HeldTarget]:
    """Return the targets of `name`: a provider/model, a provider, or a tier, whose models `tiers` gives."""
    models = tiers.get(name, ())
    return [
        target
        for target in targets
        if target.target == name or target.target.startswith(f"{name}/") or target.target in models
    ]


async def resume(
    kafka: KafkaPart,
    topics: Topics,
    targets: Sequence[str],
    *,
    by: str,
    reason: str = "",
    clock: Clock = utc_now,
) -> None:
    """Let all processes call these targets again.

    Raises:
        BusError: the records could not be written; none or some targets are resumed.
    """
    records = [
        emit_own(topics.limits, target, by, LimitResumed(by=by, target=target, reason=reason), clock())
        for target in targets
    ]
    async with Publisher(kafka) as publisher:
        await publisher.publish(records)


def _held_target(
    target: str, state: Literal["paused", "broken"], since: int, until: int, at: int
) -> HeldTarget:
    began = _moment(since) if since else None
    return HeldTarget(target, state, began, _moment(until), (until - at) / 1000)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(min(at, LAST_MS) / 1000, UTC)
