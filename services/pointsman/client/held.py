"""Models that are paused or broken for all workers, and resuming them."""

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
    """A provider's model that nobody calls. `until`: a paused one may be called, a broken one tried.

    `seconds` are left until then; `since` is None where it began before anybody noted that.
    """

    target: str
    state: Literal["paused", "broken"]
    since: datetime | None
    until: datetime
    seconds: float


async def held_now(kafka: KafkaPart, topics: Topics) -> list[HeldTarget]:
    """By this machine's clock.

    Raises:
        BusError: the log cannot be read.
    """
    return held_at(await ledger_of(kafka, topics), round(time.time() * 1000))


def held_at(ledger: Ledger, at: int) -> list[HeldTarget]:
    """`at`: milliseconds since 1970; the log's own time where that is later."""
    at, targets = max(at, ledger.at), []
    for target in sorted(ledger.targets):
        if (until := ledger.paused_until(target)) > at:
            targets.append(_held_target(target, "paused", ledger.paused_since(target), until, at))
        breaker = ledger.breaker(target)
        if breaker.state == "open" and breaker.until > at:
            targets.append(_held_target(target, "broken", breaker.since, breaker.until, at))
    return targets


def named(name: str, targets: Iterable[HeldTarget], tiers: Mapping[str, Collection[str]]) -> list[HeldTarget]:
    """Those that `name` means: a provider/model, all of a provider, or all that a tier of `tiers` calls."""
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
        BusError: it could not be written; nothing, or a part, is resumed.
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
