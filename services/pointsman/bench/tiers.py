"""`pointsman bench tiers`: does a tier that hangs disturb the others, and does a tier scale?"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import RenderableType

from pointsman.bench.hop.raw import fill
from pointsman.bench.simulated import Simulated
from pointsman.bench.steady import Times, at_rate, compared, times_of
from pointsman.bench.system import RunningSystem, drained, whole_system
from pointsman.bench.worker.jobs import routed_jobs
from pointsman.bench.worker.process import Under, worker
from pointsman.bus.admin.lag import lag, lanes
from pointsman.bus.admin.topics import apply
from pointsman.client import Client
from pointsman_schemas.topics import Topics

LATENCY_MS = 300
#: The tier that hangs, and those that must not be affected.
HANGS = "frontier"
OTHERS = ("small", "medium")
_FLOOD = {"agent_id": "bench", "tier": HANGS, "prompt": "Name three primes. " * 40}
_HANG = {"model": HANGS, "effect": {"kind": "hang"}}
_LIMIT = 16
_WARM_S = 2.0
_LATE_S = 15
_SETTLE_WITHIN_S = 300
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class TierLoad:
    """`rate` is in jobs per second and other tier; `flood` is the number of jobs for the tier that hangs."""

    rate: float
    seconds: float
    flood: int


@dataclass(frozen=True, slots=True)
class Tier:
    """Milliseconds from submission to outcome, alone and beside a tier that hangs."""

    jobs: int
    alone: Times
    beside: Times

    @property
    def ratio(self) -> float:
        """The p99 beside the hanging tier divided by the p99 alone."""
        return self.beside.p99 / self.alone.p99


@dataclass(frozen=True, slots=True)
class Scaled:
    """Calls per second of one and of two workers, each with `limit` calls in flight."""

    limit: int
    latency_ms: float
    one: float
    two: float

    @property
    def gain(self) -> float:
        """The throughput of two workers divided by that of one."""
        return self.two / self.one


@dataclass(frozen=True, slots=True)
class TiersReport:
    """The hanging tier's calls in flight (`hanging`) and jobs (`waiting`) after the measurement beside it."""

    scaled: Scaled
    tiers: dict[str, Tier]
    waiting: int
    hanging: int


def run(load: TierLoad, say: Callable[[str], None]) -> TiersReport:
    """Measure how a tier scales, then how a tier that hangs affects the others."""
    with whole_system(LATENCY_MS, say, settings={"POINTSMAN_GRACE_S": "1"}) as whole:
        scaled = asyncio.run(_scaled(whole, load.seconds, say))
        return asyncio.run(_beside(whole, load, scaled, say))


async def _scaled(whole: RunningSystem, seconds: float, say: Callable[[str], None]) -> Scaled:
    topics = Topics("scaled")
    tier = topics.tier(OTHERS[0])
    provider = Simulated(whole.processes[0].url)
    await apply(whole.kafka, topics.all([OTHERS[0]]))
    enough = int(_LIMIT / LATENCY_MS * 1000 * (seconds + _LATE_S) * 3)
    await fill(whole.kafka, tier.name, tier.partitions, routed_jobs(OTHERS[0], topics).records(enough))
    under = Under(whole.folder, whole.kafka, topics.prefix, provider.url, _LIMIT)
    say(f"one worker, {_LIMIT} calls of {LATENCY_MS} ms at once, then two")
    with worker(under, 1):
        one = await _calls_per_second(provider, seconds)
        with worker(under, 2):
            return Scaled(_LIMIT, LATENCY_MS, one, await _calls_per_second(provider, seconds))


async def _calls_per_second(provider: Simulated, seconds: float) -> float:
    await asyncio.sleep(_WARM_S)
    before, began = _answered(provider), time.perf_counter()
    await asyncio.sleep(seconds)
    return (_answered(provider) - before) / (time.perf_counter() - began)


def _answered(provider: Simulated) -> int:
    return int(provider.stats()["ended"].get("answered", 0))


async def _beside(
    whole: RunningSystem, load: TierLoad, scaled: Scaled, say: Callable[[str], None]
) -> TiersReport:
    provider = Simulated(whole.processes[0].url)
    steady = f"{load.rate:g} jobs a second to each of {', '.join(OTHERS)}, for {load.seconds:g} s"
    async with Client(kafka=whole.kafka, agent_id="bench") as client:
        await _others(client, load.rate, _WARM_S)
        say(f"{steady}: alone")
        alone = await _others(client, load.rate, load.seconds)
        say(f"{HANGS} hangs, with {load.flood:,} jobs on its topic")
        provider.order(_HANG)
        for first in range(0, load.flood, _CHUNK):
            await client.publish_many([_FLOOD] * min(_CHUNK, load.flood - first))
        # Wait until the router has routed the flood and the audit has stored it.
        if not await drained(whole.kafka, lanes(Topics(), []), [HANGS], _SETTLE_WITHIN_S):
            raise TimeoutError(f"{load.flood:,} jobs were not sent on within {_SETTLE_WITHIN_S} s")
        say(f"{steady}: beside it")
        beside = await _others(client, load.rate, load.seconds)
    tiers = {tier: Tier(len(alone[tier]), times_of(alone[tier]), times_of(beside[tier])) for tier in OTHERS}
    (hangs,) = await lag(whole.kafka, lanes(Topics(), [HANGS])[1:])
    return TiersReport(scaled, tiers, hangs.waiting, provider.stats()["in_flight"])


async def _others(client: Client, rate: float, seconds: float) -> dict[str, list[float]]:
    took = await asyncio.gather(*(at_rate(client, rate, seconds, tier=tier) for tier in OTHERS))
    return {tier: list(seconds.values()) for tier, seconds in zip(OTHERS, took, strict=True)}


def tables(report: TiersReport) -> list[RenderableType]:
    """Return the tiers beside one that hangs, then one worker and two."""
    scaled = report.scaled
    return [
        f"{HANGS} hangs: {report.hanging} calls in flight, {report.waiting:,} jobs wait",
        compared("tier", [(name, tier.jobs, tier.alone, tier.beside) for name, tier in report.tiers.items()]),
        f"{scaled.limit} calls of {scaled.latency_ms:g} ms at once in each worker of a tier",
        f"one worker {scaled.one:.1f} calls a second, two {scaled.two:.1f}: {scaled.gain:.2f} times as many",
    ]
