"""One agent from one state to another, on record."""

import asyncio
from difflib import get_close_matches

from pointsman.cli import screen
from pointsman.cli.judge import judge
from pointsman.cli.settings import CliSettings, load
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import publish_changes
from pointsman.registry.registry import RegisteredAgent, RegistryHistory
from pointsman.runtime.errors import CommandError
from pointsman_schemas.registry import State


def turn(
    agent: str,
    state: State,
    *,
    by: str,
    reason: str,
    as_json: bool,
    kafka: str | None,
    prefix: str | None,
) -> None:
    """Put `agent` into `state` and say so; nothing to do is no error.

    Raises:
        CommandError: no such agent, or one that is retired.
        BusError: the registry cannot be read or written.
    """
    settings, who = load(CliSettings, kafka=kafka, prefix=prefix), judge(by)

    async def work() -> RegisteredAgent:
        known = registered(await read_registry(settings, settings.topics), agent)
        if known.state == "retired" and state != "retired":
            raise CommandError(
                f"agent {agent} is retired", "put it into agents.yaml again, then: pointsman agents apply"
            )
        if known.state != state:
            change = turned(known, state)
            await publish_changes(settings, settings.topics, [change], by=who, reason=reason)
        return known

    before = asyncio.run(work()).state
    if as_json:
        screen.print_json({"agent": agent, "before": before, "state": state, "by": who, "reason": reason})
    elif before == state:
        screen.note(f"nothing to do: {agent} is {state}")
    else:
        screen.line(f"{agent}: {before} -> {state}")


def registered(history: RegistryHistory, agent: str) -> RegisteredAgent:
    """The agent's entry.

    Raises:
        CommandError: there is none; with the nearest name.
    """
    known = history.agents.get(agent)
    if known is None:
        near = get_close_matches(agent, history.agents, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "see who is: pointsman agents list"
        raise CommandError(f"agent {agent} is not registered", hint)
    return known
