"""The registry in force in a process; it changes while the process runs."""

import asyncio
from collections.abc import Iterable
from datetime import date, datetime

from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.verify import AgentKeys
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman_schemas.control.registry import AgentEntry, ApiKey


class ApiKeys:
    """Agents by the digests of their API keys; a key of two agents that are not retired is invalid."""

    def __init__(self, agents: Iterable[RegisteredAgent]) -> None:
        self._holders: dict[str, tuple[RegisteredAgent, ApiKey] | None] = {}
        for agent in agents:
            for key in agent.entry.api_keys if agent.state != "retired" else ():
                self._holders[key.sha256] = None if key.sha256 in self._holders else (agent, key)

    def agent_of(self, key: ApiKeyText, now: datetime) -> str | None:
        """Return the id of the agent with this key, if both are valid now; else None."""
        holder = self._holders.get(key.sha256)
        if holder is None:
            return None
        agent, api_key = holder
        return agent.entry.id if agent.may_act(now) and not api_key.has_expired(now.date()) else None


class RegistryInForce:
    """The registry in force: `take` sets it, `at` returns it. `known`: set once there is one."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry: Registry | None = None
        self._day: date | None = None
        self._keys: tuple[date, AgentKeys] | None = None
        self._api_keys: ApiKeys | None = None
        self.known = asyncio.Event()
        if registry is not None:
            self.take(registry)

    @property
    def problem(self) -> str | None:
        """Why there is no registry yet, for `/readyz`."""
        return None if self.known.is_set() else "the registry is empty: pointsman agents apply"

    def take(self, registry: Registry) -> None:
        """Put a registry in force."""
        self._registry = registry
        # Computed on demand, because a thousand changes come as a thousand records.
        self._keys = self._api_keys = None
        self.known.set()

    @property
    def demands_signatures(self) -> bool:
        """Whether agents must sign what they send."""
        return self._registry is not None and self._registry.rules.identity == "signed"

    def keys_at(self, now: datetime) -> AgentKeys | None:
        """Return the agents' keys as `Registry.keys_at` does; None if signatures are not required."""
        if self._registry is None or not self.demands_signatures:
            return None
        # A new day changes which gateways have expired.
        if self._keys is None or self._keys[0] != now.date():
            self._keys = now.date(), self._registry.keys_at(now)
        return self._keys[1]

    def agent_of_key(self, text: str, now: datetime) -> str | None:
        """Return the agent with this API key, if both are valid now; else None."""
        key = ApiKeyText.parse(text)
        if key is None or self._registry is None:
            return None
        if self._api_keys is None:
            self._api_keys = ApiKeys(self._registry.agents.values())
        return self._api_keys.agent_of(key, now)

    def agent(self, id: str) -> RegisteredAgent | None:
        """Return the agent in any state; None if it is not registered."""
        return None if self._registry is None else self._registry.agents.get(id)

    def entry(self, id: str) -> AgentEntry | None:
        """Return the agent's entry only."""
        agent = self.agent(id)
        return None if agent is None else agent.entry

    def at(self, now: datetime) -> Registry:
        """Return the registry. It is the same object until it changes or a new day begins."""
        assert self._registry is not None, "asked before it was known"
        if self._day != now.date():
            self._day = now.date()
            self._registry = Registry(self._registry.agents, self._registry.rules)
        return self._registry
