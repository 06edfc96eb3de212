"""How soon a change of the registry is in force: from the change to the first job that is refused for it."""

import asyncio
import time
from typing import Any

from pointsman.bench.system import RunningSystem
from pointsman.client import Client
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import Person, submit
from pointsman_schemas.control.registry import State
from pointsman_schemas.outcomes import JobCompleted, JobRejected, Outcome
from pointsman_schemas.topics import Topics

_EVERY_S = 0.01
#: More than any change takes; beyond it something is wrong.
_MOST_S = 60.0


async def refused_after(
    whole: RunningSystem, client: Client, agent: str, body: dict[str, Any], changes: int
) -> list[float]:
    """Milliseconds from the change to the first refusal at the client, connecting included, each time.

    `client`: the agent's, which sends this body every 10 ms meanwhile.

    Raises:
        TimeoutError: a change did not come into force.
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
    """Returns when it was sent, before there was a connection for it."""
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
    """Send jobs until one ends so; when that was. All that were sent have ended then."""
    ended: list[float] = []

    async def one() -> None:
        if isinstance(await client.submit(body), kind):
            ended.append(time.perf_counter())

    async with asyncio.timeout(_MOST_S), asyncio.TaskGroup() as running:
        while not ended:
            running.create_task(one())
            await asyncio.sleep(_EVERY_S)
    return min(ended)
