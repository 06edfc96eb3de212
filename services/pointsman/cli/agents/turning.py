"""Change an agent's state in the registry."""

from difflib import get_close_matches
from pathlib import Path

from pointsman.access.apply import suspend as suspend_login
from pointsman.bus.errors import BusError
from pointsman.cli.agents.person import person
from pointsman.cli.settings import CliSettings
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import submit
from pointsman.registry.registry import RegisteredAgent, RegistryHistory
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen
from pointsman_schemas.control.registry import State


async def turn(
    settings: CliSettings,
    agent: str,
    state: State,
    *,
    by: str,
    reason: str,
    key: Path | None,
    as_json: bool,
) -> None:
    """Put `agent` into `state` and print the result. It is no error if the agent is in that state already.

    Raises:
        CommandError: the agent is unknown or retired, or the change would be ignored as not signed.
        BusError: the registry cannot be read or written.
    """
    author = person(by, key, settings.registry_people)
    history = await read_registry(settings, settings.topics, settings.registry_people)
    registered_agent = registered(history, agent)
    if registered_agent.state == "retired" and state != "retired":
        raise CommandError(
            f"agent {agent} is retired", "put it into agents.yaml again, then: pointsman agents apply"
        )
    changes = [] if registered_agent.state == state else [turned(registered_agent, state)]
    applied = await submit(settings, settings.topics, history, changes, author, reason=reason)
    sessions_note = None
    if state != "active" and registered_agent.entry.kafka and applied.proposal is None:
        sessions_note = await _log_out(settings, agent)
    proposal = applied.proposal
    before = registered_agent.state
    if as_json:
        screen.print_json(
            {
                "agent": agent,
                "before": before,
                "state": before if proposal else state,
                "by": author.id,
                "reason": reason,
                "proposal": proposal,
            }
        )
    elif proposal is not None:
        screen.note(f"proposed; another person makes it hold: pointsman agents approve {proposal}")
    elif before == state:
        screen.note(f"nothing to do: {agent} is {state}")
    else:
        screen.line(f"{agent}: {before} -> {state}")
    if sessions_note is not None:
        screen.note(sessions_note)
    if state == "active" and registered_agent.entry.kafka and proposal is None and before != state:
        screen.note("its Kafka login is made anew by: pointsman access apply")


async def _log_out(settings: CliSettings, agent: str) -> str | None:
    """Revoke the agent's Kafka login and rights. If that fails, return what is left to do."""
    user = f"{settings.prefix}.agent.{agent}"
    try:
        await suspend_login(settings, user)
    except BusError as error:
        fix = f"pointsman access suspend agent.{agent}"
        return f"its Kafka login stays ({error}); as the cluster's super user: {fix}"
    return None


def registered(history: RegistryHistory, agent: str) -> RegisteredAgent:
    """Return the agent's entry.

    Raises:
        CommandError: there is none; the hint has the most similar name.
    """
    registered_agent = history.agents.get(agent)
    if registered_agent is None:
        near = get_close_matches(agent, history.agents, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "see who is: pointsman agents list"
        raise CommandError(f"agent {agent} is not registered", hint)
    return registered_agent
