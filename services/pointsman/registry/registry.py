"""The registry as it stands: pure, from the messages on its topic or from a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pointsman.identity.verify import AgentKeys
from pointsman_schemas.base import Message
from pointsman_schemas.registry import AgentChanged, AgentEntry, RegistryChanged, RegistryRules, State


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """An agent's entry, and whether it may act; `changed_at` by the broker's clock, `by` who changed it."""

    entry: AgentEntry
    state: State = "active"
    by: str = ""
    reason: str = ""
    changed_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether its last day is over, by UTC."""
        return self.entry.expires is not None and now.date() >= self.entry.expires


@dataclass(frozen=True, slots=True)
class Registry:
    """The agents by id, and the rules for all."""

    agents: Mapping[str, RegisteredAgent]
    rules: RegistryRules

    @classmethod
    def of(cls, entries: Iterable[AgentEntry], rules: RegistryRules) -> Self:
        """All of them active."""
        return cls({entry.id: RegisteredAgent(entry) for entry in entries}, rules)

    @property
    def admits_unregistered(self) -> bool:
        return self.rules.unregistered == "admit"

    @property
    def keys(self) -> AgentKeys:
        """The public keys of all agents, made ready: keep them."""
        return AgentKeys({id: agent.entry.public_keys or () for id, agent in self.agents.items()})


@dataclass(slots=True)
class RegistryHistory:
    """What the topic's messages amount to, heard in their order."""

    agents: dict[str, RegisteredAgent] = field(default_factory=dict)
    rules: RegistryRules | None = None

    def hear(self, message: Message, at: datetime) -> None:
        """Take in a message that the broker took at `at`; of each agent the latest holds."""
        match message:
            case AgentChanged():
                self.agents[message.agent.id] = RegisteredAgent(
                    message.agent, message.state, message.by, message.reason, at
                )
            case RegistryChanged():
                self.rules = message.rules
            case _:
                pass

    @property
    def registry(self) -> Registry | None:
        """As it stands now; None before the first rules are there."""
        return None if self.rules is None else Registry(dict(self.agents), self.rules)
