"""The registry's state, from the messages on its topic or from a file; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pointsman.identity.verify import AgentKeys
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import (
    AgentChanged,
    AgentEntry,
    ProposedChange,
    RegistryChanged,
    RegistryProposed,
    RegistryRules,
    State,
)


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """An agent's entry and state; `changed_at`: by the broker's clock; `by`: who changed it."""

    entry: AgentEntry
    state: State = "active"
    by: str = ""
    reason: str = ""
    changed_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Return whether its expiry day (UTC) has begun."""
        return self.entry.expires is not None and now.date() >= self.entry.expires

    def may_act(self, now: datetime) -> bool:
        """Return whether it is neither suspended, retired nor expired."""
        return self.state == "active" and not self.has_expired(now)


@dataclass(frozen=True, slots=True)
class Registry:
    """The agents by id, and the rules for all."""

    agents: Mapping[str, RegisteredAgent]
    rules: RegistryRules

    @classmethod
    def of(cls, entries: Iterable[AgentEntry], rules: RegistryRules) -> Self:
        """Make a registry of active agents."""
        return cls({entry.id: RegisteredAgent(entry) for entry in entries}, rules)

    @property
    def admits_unregistered(self) -> bool:
        return self.rules.unregistered == "admit"

    def keys_at(self, now: datetime) -> AgentKeys:
        """Return the parsed public keys that verify each agent's records; valid for the day."""
        gateways = gateway_keys(agent.entry for agent in self.agents.values() if agent.may_act(now))
        return AgentKeys(
            {id: signing_keys(agent.entry, gateways, now.date()) for id, agent in self.agents.items()}
        )


def gateway_keys(entries: Iterable[AgentEntry]) -> tuple[str, ...]:
    """Return the public keys of the gateways among `entries`."""
    return tuple(key for entry in entries if entry.gateway for key in entry.public_keys or ())


def signing_keys(entry: AgentEntry, gateways: Sequence[str], today: date) -> tuple[str, ...]:
    """Return the keys that may sign for the agent: its own, and the gateways' if it has a valid API key."""
    is_known = any(not key.has_expired(today) for key in entry.api_keys)
    return (*(entry.public_keys or ()), *(gateways if is_known else ()))


@dataclass(slots=True)
class RegistryHistory:
    """The registry folded from its topic's messages, in order. `proposals`: changes awaiting approval."""

    agents: dict[str, RegisteredAgent] = field(default_factory=dict)
    rules: RegistryRules | None = None
    proposals: dict[UUID, RegistryProposed] = field(default_factory=dict)

    def hear(self, message: Message, sender: str, at: datetime) -> str | None:
        """Apply a message from `sender` with the broker's time `at`; returns why it is ignored, if so.

        The latest change of each agent is in force.
        """
        if isinstance(message, RegistryProposed):
            if message.by != sender:
                return f"{sender} sent a proposal of {message.by}"
            self.proposals[message.proposal] = message
        elif isinstance(message, AgentChanged | RegistryChanged):
            if (why_not := self._may_not(message, sender)) is not None:
                return why_not
            self._change(message, at)
        return None

    @property
    def registry(self) -> Registry | None:
        """The current registry; None before the first rules."""
        return None if self.rules is None else Registry(dict(self.agents), self.rules)

    def _change(self, message: AgentChanged | RegistryChanged, at: datetime) -> None:
        proposal = self.proposals.pop(message.proposal, None) if message.proposal is not None else None
        if proposal is not None:
            remaining_changes = tuple(change for change in proposal.changes if change != proposed(message))
            if remaining_changes:
                self.proposals[proposal.proposal] = proposal.model_copy(update={"changes": remaining_changes})
        if isinstance(message, AgentChanged):
            agent = RegisteredAgent(message.agent, message.state, message.by, message.reason, at)
            self.agents[message.agent.id] = agent
        else:
            self.rules = message.rules

    def _may_not(self, message: AgentChanged | RegistryChanged, sender: str) -> str | None:
        """Return why the rules in force forbid the sender this change; None if they allow it."""
        accountable = message.approved_by or message.by
        if sender != accountable:
            return f"{sender} sent a change of {accountable}"
        if self.rules is None or self.rules.approvals == 1 or self._suspends(message):
            return None
        proposal = None if message.proposal is None else self.proposals.get(message.proposal)
        if message.approved_by in (None, message.by):
            return f"{message.by} may not change it alone: the rules ask for two people"
        if proposal is None or proposal.by != message.by or proposed(message) not in proposal.changes:
            return f"{sender} approved what {message.by} has not proposed"
        return None

    def _suspends(self, message: AgentChanged | RegistryChanged) -> bool:
        """Return whether the change only suspends an agent, which one person may do at once."""
        if not isinstance(message, AgentChanged) or message.state != "suspended":
            return False
        agent = self.agents.get(message.agent.id)
        return agent is not None and agent.entry == message.agent


def proposed(message: AgentChanged | RegistryChanged) -> ProposedChange:
    if isinstance(message, AgentChanged):
        return ProposedChange(agent=message.agent, state=message.state)
    return ProposedChange(rules=message.rules)
