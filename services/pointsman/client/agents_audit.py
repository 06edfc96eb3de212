"""Finds agents that are unregistered, idle, unowned, expiring or allowed too much: registry against audit."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pointsman.access.changes import AccessChange
from pointsman.identity.verify import AgentKeys
from pointsman.registry.follow import read_registry
from pointsman.registry.registry import RegisteredAgent
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.agents_sent import Sprawl, sprawl
from pointsman_schemas.base import Json
from pointsman_schemas.topics import Topics


async def audit_agents(
    kafka: KafkaPart, topics: Topics, dsn: str, now: datetime, people: AgentKeys | None = None
) -> list[Sprawl]:
    """Return every finding, as of `now`.

    Raises:
        BusError, StoreError, StoreUnavailableError: the registry or the audit cannot be read.
    """
    registered = (await read_registry(kafka, topics, people)).agents
    findings = await sprawl(dsn, [_as_json(agent) for agent in registered.values()], now)
    return [*findings, *expired_keys(registered.values(), now)]


def expired_keys(agents: Iterable[RegisteredAgent], now: datetime) -> Iterator[Sprawl]:
    """Yield expired API keys that are still listed."""
    for agent in agents:
        for key in agent.entry.api_keys if agent.state != "retired" else ():
            if key.has_expired(now.date()):
                problem = f"API key {key.id} ended on {key.expires}: take it out of agents.yaml"
                yield Sprawl("expired key", agent.entry.id, agent.entry.owner, problem)


def unexplained(changes: Iterable[AccessChange]) -> list[Sprawl]:
    """Return users and ACLs that the registry does not explain, even if `access apply` leaves them."""
    return [
        Sprawl("unexplained", change.name, None, str(change)[2:]) for change in changes if change.sign in "-!"
    ]


def _as_json(agent: RegisteredAgent) -> Json:
    entry = agent.entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    changed_at = None if agent.changed_at is None else agent.changed_at.isoformat()
    return {**entry, "state": agent.state, "changed_at": changed_at}
