"""`pointsman bench tenants`: whether an agent far beyond its rate disturbs the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from pointsman.bench.steady import Times, at_rate, times_of
from pointsman.bench.system import TIERS, RunningSystem, whole_system
from pointsman.client import Client
from pointsman.registry.agents_file import parse
from pointsman.registry.publish import apply_file
from pointsman_schemas.topics import Topics

LATENCY_MS = 100
#: Jobs a minute that the noisy one may begin, and how many times as many it sends.
ALLOWED, TIMES = 60, 100
_WARM_S = 3.0
_CHUNK_S = 0.1
_NOISY = {"prompt": "Name three primes.", "tier": "small"}
_AGENTS = """
unregistered: admit
agents:
  - {id: noisy, owner: bench, jobs_per_minute: %d, over_rate: %s}
"""


@dataclass(frozen=True, slots=True)
class TenantsReport:
    """Of the others: milliseconds from the client and back, a pair for each round. `sent`: by the noisy."""

    jobs: int
    alone: tuple[Times, ...]
    beside: tuple[Times, ...]
    sent: int

    @property
    def ratio(self) -> float:
        """How many times the p99 alone: the median of the rounds."""
        pairs = zip(self.alone, self.beside, strict=True)
        return median(beside.p99 / alone.p99 for alone, beside in pairs)


@dataclass(frozen=True, slots=True)
class TenantsLoad:
    """`rate`: jobs a second of the others, for `seconds` in each part. `over_rate`: as in agents.yaml."""

    rate: float
    seconds: float
    rounds: int
    over_rate: str


def run(load: TenantsLoad, say: Callable[[str], None]) -> TenantsReport:
    """The others alone, then beside the noisy one, in turn."""
    with whole_system(LATENCY_MS, say, POINTSMAN_GRACE_S="1") as whole:
        return asyncio.run(_rounds(whole, load, say))


async def _rounds(whole: RunningSystem, load: TenantsLoad, say: Callable[[str], None]) -> TenantsReport:
    agents = parse(_AGENTS % (ALLOWED, load.over_rate), TIERS)
    await apply_file(whole.kafka, Topics(), agents, by="pointsman/bench")
    alone, beside, sent = [], [], [0]
    async with Client(kafka=whole.kafka) as others, Client(kafka=whole.kafka, agent_id="noisy") as noisy:
        await at_rate(others, load.rate, _WARM_S, tier="small")
        for number in range(load.rounds):
            say(f"round {number + 1} of {load.rounds}: the others alone, then beside {TIMES} times a rate")
            alone.append(await _times(others, load))
            async with _noise(noisy, sent):
                beside.append(await _times(others, load))
    return TenantsReport(int(load.rate * load.seconds), tuple(alone), tuple(beside), sent[0])


async def _times(client: Client, load: TenantsLoad) -> Times:
    return times_of(list((await at_rate(client, load.rate, load.seconds, tier="small")).values()))


@asynccontextmanager
async def _noise(client: Client, sent: list[int]) -> AsyncIterator[None]:
    """Inside, jobs are sent, and nobody waits for what becomes of them."""
    at_once = int(ALLOWED / 60 * TIMES * _CHUNK_S)

    async def send() -> None:
        while True:
            await client.publish_many([_NOISY] * at_once)
            sent[0] += at_once
            await asyncio.sleep(_CHUNK_S)

    task = asyncio.create_task(send(), name="noise")
    try:
        await asyncio.sleep(_WARM_S)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
