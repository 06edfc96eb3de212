"""`pointsman bench tenants`: does an agent far above its rate disturb others, and how soon does one stop?"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import RenderableType

from pointsman.bench.steady import Times, at_rate, compared, times_of
from pointsman.bench.system import RunningSystem, whole_system
from pointsman.client import Client
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import Person, submit
from pointsman.runtime.background import background
from pointsman_schemas.control.registry import State
from pointsman_schemas.outcomes import JobCompleted, JobRejected, Outcome
from pointsman_schemas.topics import Topics

LATENCY_MS = 100
#: The noisy agent's permitted jobs per minute, and the multiple of them that it sends.
ALLOWED, TIMES = 60, 100
_WARM_S = 3.0
_CHUNK_S = 0.1
_JOB = {"prompt": "Name three primes.", "tier": "small"}
_AGENTS = """
unregistered: admit
agents:
  - {id: bench, owner: bench}
  - {id: noisy, owner: bench, jobs_per_minute: %d, over_rate: %s}
  - {id: suspended, owner: bench}
"""


@dataclass(frozen=True, slots=True)
class TenantsReport:
    """Milliseconds of the other agents' jobs, a pair per round; `sent` are the noisy agent's jobs.

    `refused`: milliseconds from each suspension to the first refusal.
    """

    jobs: int
    alone: tuple[Times, ...]
    beside: tuple[Times, ...]
    sent: int
    refused: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The p99 beside the noisy agent divided by the p99 alone: the median of the rounds."""
        pairs = zip(self.alone, self.beside, strict=True)
        return median(beside.p99 / alone.p99 for alone, beside in pairs)


@dataclass(frozen=True, slots=True)
class TenantsLoad:
    """`rate` is the others' jobs per second, for `seconds` per part; `over_rate` is as in agents.yaml.

    `changes`: how often an agent is suspended. `secure`: with TLS, logins, quotas and signatures.
    """

    rate: float
    seconds: float
    rounds: int
    over_rate: str
    changes: int
    secure: bool


def run(load: TenantsLoad, say: Callable[[str], None]) -> TenantsReport:
    """Measure the others alone and beside the noisy agent, in turn; then suspend an agent repeatedly."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(_AGENTS % (ALLOWED, load.over_rate))
        file.flush()
        agents = Path(file.name)
        with whole_system(
            LATENCY_MS, say, agents=agents, secure=load.secure, settings={"POINTSMAN_GRACE_S": "1"}
        ) as whole:
            return asyncio.run(_rounds(whole, load, say))


async def _rounds(whole: RunningSystem, load: TenantsLoad, say: Callable[[str], None]) -> TenantsReport:
    alone, beside, sent = [], [], [0]
    async with whole.client("bench") as others, whole.client("noisy") as noisy:
        await at_rate(others, load.rate, _WARM_S, tier="small")
        for number in range(load.rounds):
            say(f"round {number + 1} of {load.rounds}: the others alone, then beside {TIMES} times a rate")
            alone.append(await _times(others, load))
            async with background(_noise(noisy, sent), "noise"):
                await asyncio.sleep(_WARM_S)
                beside.append(await _times(others, load))
    say(f"an agent is suspended and resumed, {load.changes} times")
    async with whole.client("suspended") as client:
        refused = await refused_after(whole, client, "suspended", _JOB, load.changes)
    return TenantsReport(int(load.rate * load.seconds), tuple(alone), tuple(beside), sent[0], tuple(refused))


async def _times(client: Client, load: TenantsLoad) -> Times:
    return times_of(list((await at_rate(client, load.rate, load.seconds, tier="small")).values()))


async def _noise(client: Client, sent: list[int]) -> None:
    """Send jobs until cancelled; their outcomes are ignored."""
    at_once = int(ALLOWED / 60 * TIMES * _CHUNK_S)
    while True:
        await client.publish_many([_JOB] * at_once)
        sent[0] += at_once
        await asyncio.sleep(_CHUNK_S)


_EVERY_S = 0.01
#: No change takes this long unless something is wrong.
_MOST_S = 60.0


async def refused_after(
    whole: RunningSystem, client: Client, agent: str, body: dict[str, Any], changes: int
) -> list[float]:
    """Return the milliseconds from each change to the client's first refusal, connecting included.

    `client` is the agent's; it submits `body` every 10 ms.

    Raises:
        TimeoutError: a change did not take effect.
    """
    took = []
    for _ in range(changes):
        refused = asyncio.create_task(_first(client, body, JobRejected))
        began = await _turn(whole, agent, "suspended")
        took.append((await refused - began) * 1000)
        await _turn(whole, agent, "active")
        await _first(client, body, JobCompleted)
    return took


async def _turn(whole: RunningSystem, agent: str, state: State) -> float:
    """Change the agent's state. Returns the time before the change was sent, and before connecting for it."""
    person, people = Person("pointsman/bench"), None
    if whole.logins is not None:
        person, people = whole.logins.registrar, whole.logins.people
    topics = Topics(whole.kafka.prefix)
    history = await read_registry(whole.kafka, topics, people)
    change = turned(history.agents[agent], state)
    began = time.perf_counter()
    await submit(whole.kafka, topics, history, [change], person)
    return began


async def _first(client: Client, body: dict[str, Any], kind: type[Outcome]) -> float:
    """Submit jobs until one ends with `kind`, and wait for the rest. Returns the time of the first one."""
    ended: list[float] = []

    async def one() -> None:
        if isinstance(await client.submit(body), kind):
            ended.append(time.perf_counter())

    async with asyncio.timeout(_MOST_S), asyncio.TaskGroup() as running:
        while not ended:
            running.create_task(one())
            await asyncio.sleep(_EVERY_S)
    return min(ended)


def tables(report: TenantsReport) -> list[RenderableType]:
    """Return a table with one row per round, and the other figures as lines."""
    pairs = enumerate(zip(report.alone, report.beside, strict=True), 1)
    table = compared("round", [(str(number), report.jobs, *pair) for number, pair in pairs])
    sent = f"the noisy one sent {report.sent:,} jobs, {TIMES} times the {ALLOWED} a minute that it may begin"
    refused = times_of(report.refused)
    soon = f"p50 {refused.p50:,.0f} ms, longest {refused.longest:,.0f} ms"
    return [
        table,
        sent,
        f"p99 beside it: {report.ratio:.2f} times that alone (median of the rounds)",
        f"from a suspension to the first refusal: {soon} ({len(report.refused)} times)",
    ]
