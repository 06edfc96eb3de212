"""The registry that a process acts by at the moment; it changes while the process runs."""

import asyncio
from datetime import date, datetime

from pointsman.identity.verify import AgentKeys
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman_schemas.registry import AgentEntry


class RegistryInForce:
    """`take` a registry, then ask for it `at` a time. `known` is set once there is one."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry: Registry | None = None
        self._day: date | None = None
        self._keys: AgentKeys | None = None
        self.known = asyncio.Event()
        if registry is not None:
            self.take(registry)

    @property
    def problem(self) -> str | None:
        """Why there is none yet, for `/readyz`."""
        return None if self.known.is_set() else "the registry is empty: pointsman agents apply"

    def take(self, registry: Registry) -> None:
        """From now on this one holds."""
        self._registry = registry
        self._keys = None  # read when they are asked for: a thousand changes come as a thousand records
        self.known.set()

    @property
    def keys(self) -> AgentKeys | None:
        """Those of the agents, where what they send must be signed; None where an agent's word is enough."""
        if self._registry is None or self._registry.rules.identity != "signed":
            return None
        if self._keys is None:
            self._keys = self._registry.keys
        return self._keys

    def agent(self, id: str) -> RegisteredAgent | None:
        """Its entry, whatever its state; None for one that is not registered."""
        return None if self._registry is None else self._registry.agents.get(id)

    def entry(self, id: str) -> AgentEntry | None:
        """Its entry alone."""
        known = self.agent(id)
        return None if known is None else known.entry

    def at(self, now: datetime) -> Registry:
        """The same object until something changes: a new day changes who has expired."""
        assert self._registry is not None, "asked before it was known"
        if self._day != now.date():
            self._day = now.date()
            self._registry = Registry(self._registry.agents, self._registry.rules)
        return self._registry
