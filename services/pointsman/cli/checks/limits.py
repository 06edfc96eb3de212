"""Check whether a provider's pause or a circuit breaker holds calls back for all workers."""

from collections.abc import Sequence

from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import count, duration, moment
from pointsman.cli.show.limits import words_of
from pointsman.client.held import HeldTarget, held_now
from pointsman.client.tiers_held import TierHeld, tiers_held
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

#: A pause up to this many seconds is normal.
SHORT_S = 60.0


async def limits(kafka: KafkaPart, topics: Topics) -> list[CheckResult]:
    """Return a finding for each paused or broken model, or a single one if there is none."""
    try:
        targets = await held_now(kafka, topics)
    except BusError:
        return [CheckResult("limits", None, "not looked at: Kafka is not reachable, or lacks topics")]
    return [_finding(target) for target in targets] or [
        CheckResult("limits", True, "no model is paused or broken")
    ]


async def tiers(workers: Sequence[str]) -> list[CheckResult]:
    """Return a finding for each tier of the workers at these addresses."""
    try:
        tiers = await tiers_held(workers)
    except CommandError as error:
        return [CheckResult("tiers", False, error.problem, error.hint)]
    return [CheckResult("tiers", True, _of_tier(tier)) for tier in tiers]


def _of_tier(tier: TierHeld) -> str:
    if tier.by is None:
        return f"{tier.tier}: no job waits for a limit"
    return f"{tier.tier} is held by {words_of(tier)}: {count(tier.jobs[tier.by], 'job')} wait for it"


def _finding(target: HeldTarget) -> CheckResult:
    since = "before the log begins" if target.since is None else moment(target.since)
    effect = "may be called" if target.state == "paused" else "is tried"
    until = f"{moment(target.until)} (in {duration(target.seconds)})"
    text = f"{target.target} is {target.state} since {since}, {effect} at {until}"
    return CheckResult("limits", target.seconds <= SHORT_S, text, f"pointsman limits resume {target.target}")
