"""The changes that make the registry match a file: pure."""

from dataclasses import dataclass
from typing import Any, Literal

from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.registry import RegisteredAgent, RegistryHistory
from pointsman_schemas.base import Json, Value
from pointsman_schemas.control.registry import (
    AgentChanged,
    AgentEntry,
    ProposedChange,
    RegistryChanged,
    RegistryRules,
    State,
)

#: The kinds of changes: of an agent, or of the rules.
ChangeKind = Literal["register", "change", "suspend", "resume", "retire", "rules"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of an entry or of the rules before and after; None if absent."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """One change; `agent` is None for the rules. Exactly one of `entry` and `rules` is set: the new value."""

    kind: ChangeKind
    agent: str | None
    fields: tuple[FieldChange, ...]
    entry: AgentEntry | None = None
    rules: RegistryRules | None = None
    state: State = "active"

    def message(self, by: str, reason: str) -> AgentChanged | RegistryChanged:
        """Return the message to publish if one person may make the change."""
        if self.entry is not None:
            return AgentChanged(agent=self.entry, state=self.state, by=by, reason=reason)
        assert self.rules is not None
        return RegistryChanged(rules=self.rules, by=by, reason=reason)

    @property
    def proposed(self) -> ProposedChange:
        """The change as a proposal, if another person must approve it."""
        return ProposedChange(agent=self.entry, state=self.state, rules=self.rules)

    def to_json(self) -> Json:
        """Return the changed fields as JSON."""
        changed = [
            {"field": field.name, "before": field.before, "after": field.after} for field in self.fields
        ]
        return {"change": self.kind, "agent": self.agent, "fields": changed}


def plan(file: AgentsFile, history: RegistryHistory) -> list[RegistryChange]:
    """Return the changes that make the registry match the file: agents in its order, removed ones, rules.

    The rules come last, because the old rules decide who may make these changes. A suspended agent stays
    suspended, whatever its entry says: only `resume` ends that.
    """
    changes: list[RegistryChange] = []
    for entry in file.entries:
        agent = history.agents.get(entry.id)
        if agent is None or agent.state == "retired":
            changes.append(RegistryChange("register", entry.id, _fields(None, entry), entry))
        elif agent.entry != entry:
            fields = _fields(agent.entry, entry)
            changes.append(RegistryChange("change", entry.id, fields, entry, state=agent.state))
    listed = {entry.id for entry in file.agents}
    removed = (agent for id, agent in history.agents.items() if id not in listed and agent.state != "retired")
    changes += [turned(agent, "retired") for agent in removed]
    if history.rules != file.rules:
        fields = _fields(history.rules, file.rules)
        changes.append(RegistryChange("rules", None, fields, rules=file.rules))
    return changes


def turned(agent: RegisteredAgent, state: State) -> RegistryChange:
    kinds: dict[State, ChangeKind] = {"active": "resume", "suspended": "suspend", "retired": "retire"}
    state_change = FieldChange("state", agent.state, state)
    return RegistryChange(kinds[state], agent.entry.id, (state_change,), agent.entry, state=state)


def _fields(before: Value | None, after: Value) -> tuple[FieldChange, ...]:
    old = {} if before is None else before.model_dump(mode="json")
    new = after.model_dump(mode="json")
    defaults = (
        {}
        if before is not None
        else {name: field.default for name, field in type(after).model_fields.items()}
    )
    return tuple(
        FieldChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*new, *old])  # fields that only the old one has were removed
        if name != "id" and new.get(name) != old.get(name, defaults.get(name))
    )
