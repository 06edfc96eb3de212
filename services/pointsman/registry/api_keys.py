"""Whose an API key is: pure, from the registry."""

from collections.abc import Iterable
from datetime import datetime

from pointsman.identity.api_key import ApiKeyText
from pointsman.registry.registry import RegisteredAgent
from pointsman_schemas.control.registry import ApiKey


class ApiKeys:
    """The agents by their keys' digests; a key that two agents have is nobody's, unless one is retired."""

    def __init__(self, agents: Iterable[RegisteredAgent]) -> None:
        self._holders: dict[str, tuple[RegisteredAgent, ApiKey] | None] = {}
        for agent in agents:
            for key in agent.entry.api_keys if agent.state != "retired" else ():
                self._holders[key.sha256] = None if key.sha256 in self._holders else (agent, key)

    def agent_of(self, key: ApiKeyText, now: datetime) -> str | None:
        """The id of the agent that may act by this key now; None if there is none."""
        holder = self._holders.get(key.sha256)
        if holder is None:
            return None
        agent, known = holder
        return agent.entry.id if agent.may_act(now) and not known.has_expired(now.date()) else None
