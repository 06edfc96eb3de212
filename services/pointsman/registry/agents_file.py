"""`agents.yaml`: the registry as people write it."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo, field_validator

from pointsman.registry.registry import Registry
from pointsman.runtime import yaml_file
from pointsman.runtime.unknown_tier import unknown_tier
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.registry import AgentEntry, RegistryRules

#: With `strict: true` an entry is for so many days at most; then its owner is asked again.
LONGEST = timedelta(days=90)


class ListedAgent(AgentEntry):
    """An entry held to the policy's tiers and to the other entries, each problem at its place."""

    @field_validator("tiers")
    @classmethod
    def _known(cls, tiers: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        known: Sequence[str] = _context(info).get("tiers", tiers or ())
        for tier in tiers or ():
            if tier not in known:
                raise ValueError(unknown_tier(tier, known))
        return tiers

    @field_validator("id")
    @classmethod
    def _unique(cls, id: str, info: ValidationInfo) -> str:
        ids = _context(info).setdefault("agents", set())
        if id in ids:
            raise ValueError(f"agent `{id}` is there already; merge the two entries")
        ids.add(id)
        return id


class AgentsFile(RegistryRules):
    """The whole file."""

    agents: tuple[ListedAgent, ...] = ()

    @property
    def entries(self) -> list[AgentEntry]:
        """The agents as they go on record."""
        return [AgentEntry.model_validate(agent.model_dump()) for agent in self.agents]

    @property
    def rules(self) -> RegistryRules:
        return RegistryRules(**{name: getattr(self, name) for name in RegistryRules.model_fields})

    @property
    def registry(self) -> Registry:
        """As it stands once it is applied."""
        return Registry.of(self.entries, self.rules)


def load(path: Path, tiers: Sequence[str], today: date | None = None) -> AgentsFile:
    """Read the agents; `tiers` are the policy's. `today`, by UTC: hold strict entries to their last day.

    Raises:
        FileError: every problem with file, line and column.
    """
    return yaml_file.load(path, AgentsFile, context={"tiers": tiers}, check=partial(_problems, today))


def parse(
    text: str, tiers: Sequence[str], path: str = "agents.yaml", today: date | None = None
) -> AgentsFile:
    """As `load`, from a text; `path` is what the errors name."""
    return yaml_file.parse(text, path, AgentsFile, context={"tiers": tiers}, check=partial(_problems, today))


def _problems(today: date | None, file: AgentsFile) -> Iterator[tuple[Loc, str]]:
    for place, agent in enumerate(file.agents):
        here: Loc = ("agents", place)
        if file.identity == "signed" and agent.public_keys is None:
            yield (
                here,
                "`identity: signed` asks for `public_keys`; make one: pointsman agents key FILE",
            )
        if file.strict:
            yield from _strict(here, agent, today)


def _strict(here: Loc, agent: AgentEntry, today: date | None) -> Iterator[tuple[Loc, str]]:
    if agent.contact is None:
        yield here, "`strict: true` asks for `contact`: how to reach the owner"
    if agent.expires is None:
        yield here, f"`strict: true` asks for `expires`: a day within {LONGEST.days} days"
    elif today is not None and agent.expires > today + LONGEST:
        latest = today + LONGEST
        yield (*here, "expires"), f"is more than {LONGEST.days} days ahead; the latest is {latest}"


def _context(info: ValidationInfo) -> dict[str, Any]:
    return info.context if isinstance(info.context, dict) else {}
