"""The registry: agents, what each may do, and the rules for all (topic `agents.registry`)."""

import base64
import binascii
import re
from datetime import date
from typing import Annotated, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from pointsman_schemas.base import AgentId, Message, TierName, Value
from pointsman_schemas.control.review_plans import EntryThreshold, QueueName

T = TypeVar("T")

#: Characters that Kafka allows in a topic name.
_TOPIC_PART = re.compile(r"[A-Za-z0-9._-]{1,128}")

#: One value or a list. An empty list is refused.
OneOrMore = Annotated[
    tuple[T, ...],
    BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value]),
    Field(min_length=1, max_length=256),
]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


def _ed25519(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    if len(raw) != 32:
        raise ValueError(f"must be the 32 bytes of an Ed25519 public key in base64; these are {len(raw)}")
    if bytes([*raw[:31], raw[31] & 0x7F]) in _WEAK:
        raise ValueError(
            "anybody can sign for this key: it is a placeholder or a weak point of the curve; make another"
        )
    return text


#: Points of small order, without the sign bit. Signatures for them can be made without a private key.
_WEAK = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)

PublicKey = Annotated[str, Field(max_length=64), AfterValidator(_ed25519)]


class AgentBudget(Value):
    """What an agent's jobs may cost, in all tiers and processes together. A day is a UTC day."""

    usd_per_day: float | None = Field(default=None, gt=0, le=1e9)
    usd_per_job: float | None = Field(default=None, gt=0, le=1e9)
    when_spent: Literal["reject", "wait"] = Field(
        default="reject", description="jobs beyond the day's budget are rejected, or wait for the next day"
    )


class ApiKey(Value):
    """The digest of an API key: enough to recognise the key, not to use it."""

    id: str = Field(pattern=r"^[0-9a-f]{12}$", description="the part of the key that identifies it to people")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the whole key, in hexadecimal")
    expires: date | None = Field(default=None, description="first UTC day on which it is refused")

    def has_expired(self, today: date) -> bool:
        """Whether the key has expired; `today` is a UTC day."""
        return self.expires is not None and today >= self.expires


class AgentEntry(Value):
    """One agent and what it may do. Fields that are left out do not restrict it."""

    id: AgentId
    owner: Name = Field(description="the responsible team")
    contact: Name | None = Field(
        default=None, description="how to reach the owner: a mail address or a channel"
    )
    purpose: str | None = Field(default=None, min_length=1, max_length=500)
    tiers: OneOrMore[TierName] | None = None
    kinds: OneOrMore[Kind] | None = None
    tools: tuple[Name, ...] | None = Field(
        default=None, max_length=256, description="tools that its jobs may offer to a model; []: none"
    )
    reviews: OneOrMore[QueueName] | None = Field(
        default=None,
        exclude_if=lambda queues: queues is None,
        description="for a person: the review queues whose cases they may decide",
    )
    confidence: tuple[EntryThreshold, ...] = Field(
        default=(),
        exclude_if=lambda thresholds: not thresholds,
        max_length=32,
        description="thresholds: a confidence that does not exceed one sends the job to a person",
    )
    talks_to: OneOrMore[AgentId] | None = Field(
        default=None, description="agents that it may send messages to"
    )
    max_chars: int | None = Field(
        default=None, ge=1, description="highest number of characters in all messages"
    )
    budget: AgentBudget | None = None
    jobs_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, description="jobs started in any 60 s"
    )
    over_rate: Literal["wait", "reject"] = Field(
        default="wait", description="what happens to jobs beyond that"
    )
    expires: date | None = Field(default=None, description="first UTC day on which it is refused")
    public_keys: OneOrMore[PublicKey] | None = Field(
        default=None, description="Ed25519 public keys, 32 bytes in base64; several while keys are rotated"
    )
    api_keys: tuple[ApiKey, ...] = Field(
        default=(),
        exclude_if=lambda keys: not keys,
        max_length=16,
        description="API keys for the gateway; gateways may sign for an agent that has some",
    )
    gateway: bool = Field(
        default=False,
        exclude_if=lambda gateway: not gateway,
        description="true: it may sign for agents with API keys",
    )
    kafka: bool = Field(default=False, description="true: it has a Kafka login and a topic for its outcomes")

    @field_validator("api_keys")
    @classmethod
    def _distinct_keys(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        for names in ([key.id for key in keys], [key.sha256 for key in keys]):
            for place, name in enumerate(names):
                if name in names[:place]:
                    raise ValueError(f"`{name}` is listed twice; list each key once")
        return keys

    @model_validator(mode="after")
    def _names_a_topic(self) -> Self:
        if self.kafka and not _TOPIC_PART.fullmatch(self.id):
            raise ValueError(
                f"`kafka: true` makes a topic and a login of the id, and `{self.id}` cannot be part of a "
                "topic's name: use letters, digits and `. _ -`"
            )
        return self

    @model_validator(mode="after")
    def _reaches_its_outcomes(self) -> Self:
        if self.kafka and self.api_keys:
            raise ValueError(
                "`kafka: true` puts its outcomes on a topic that no gateway may read, and `api_keys` are for "
                "gateways: leave one of them out, or make two agents"
            )
        if self.gateway and self.api_keys:
            raise ValueError(
                "`gateway: true` signs for agents that have `api_keys`: give them to another agent"
            )
        if self.gateway and self.public_keys is None:
            raise ValueError(
                "`gateway: true` signs for other agents, which asks for `public_keys`; make one: "
                "pointsman agents key FILE"
            )
        return self


State = Literal["active", "suspended", "retired"]


class AgentChanged(Message):
    """The current entry of an agent. The latest record of an agent applies.

    If the rules require two people, the one who approved the change writes it, else the one who made it.
    """

    type: Literal["agent.changed.v1"] = "agent.changed.v1"
    agent: AgentEntry
    state: State = "active"
    by: AgentId = Field(description="who changed it")
    approved_by: AgentId | None = Field(
        default=None, description="who approved it, if the rules require this"
    )
    proposal: UUID | None = Field(default=None, description="the approved proposal")
    reason: str = Field(default="", max_length=2000)


class RegistryRules(Value):
    """Rules for all agents of an installation."""

    unregistered: Literal["admit", "reject"] = Field(
        description="what happens to jobs of agents that are not registered"
    )
    identity: Literal["claimed", "signed"] = Field(
        default="claimed", description="signed: agents must sign their jobs; claimed: signatures are optional"
    )
    strict: bool = Field(default=False, description="true: every agent needs `contact` and `expires`")
    approvals: Literal[1, 2] = Field(default=1, description="number of people needed for a change")


class RegistryChanged(Message):
    """Sets the rules for all agents."""

    type: Literal["registry.changed.v1"] = "registry.changed.v1"
    rules: RegistryRules
    by: AgentId
    approved_by: AgentId | None = None
    proposal: UUID | None = None
    reason: str = Field(default="", max_length=2000)


class ProposedChange(Value):
    """Either an agent's new entry and state, or new rules."""

    agent: AgentEntry | None = None
    state: State = "active"
    rules: RegistryRules | None = None


class RegistryProposed(Message):
    """Changes that take effect after another person has approved them.

    Each is then written as a separate message.
    """

    type: Literal["registry.proposed.v1"] = "registry.proposed.v1"
    proposal: UUID
    changes: tuple[ProposedChange, ...] = Field(min_length=1, max_length=10_000)
    by: AgentId
    reason: str = Field(default="", max_length=2000)
