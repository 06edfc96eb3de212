"""`agents.yaml`: who may ask for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from pointsman.router.policy.policy_file import Kind, OneOf
from pointsman.router.policy.tier_names import unknown_tier
from pointsman.runtime import yaml_file
from pointsman_schemas.base import AgentId, TierName, Value


class Agent(Value):
    """One agent and what is open to it; what is left out is not restricted."""

    id: AgentId
    owner: str = Field(min_length=1, max_length=128, description="whom to ask about it: a team or a person")
    tiers: OneOf[TierName] | None = None
    kinds: OneOf[Kind] | None = None
    max_chars: int | None = Field(default=None, ge=1, description="characters of text in all messages")

    @field_validator("tiers")
    @classmethod
    def _known(cls, tiers: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        for tier in tiers or ():
            known: Sequence[str] = _context(info).get("tiers", (tier,))
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


class AgentsFile(Value):
    """The whole file."""

    unregistered: Literal["admit", "reject"] = Field(description="what to do with agents not listed here")
    agents: tuple[Agent, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """The registered agents by id, and whether others are admitted."""

    agents: Mapping[str, Agent]
    admits_unregistered: bool


def load(path: Path, tiers: Sequence[str]) -> Registry:
    """Read the agents; `tiers` are the policy's.

    Raises:
        FileError: every problem with file, line and column.
    """
    return _registry(yaml_file.load(path, AgentsFile, context={"tiers": tiers}))


def parse(text: str, tiers: Sequence[str], path: str = "agents.yaml") -> Registry:
    """As `load`, from a text; `path` is what the errors name."""
    return _registry(yaml_file.parse(text, path, AgentsFile, context={"tiers": tiers}))


def _registry(file: AgentsFile) -> Registry:
    return Registry({agent.id: agent for agent in file.agents}, file.unregistered == "admit")


def _context(info: ValidationInfo) -> dict[str, Any]:
    return info.context if isinstance(info.context, dict) else {}
