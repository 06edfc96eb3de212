"""Who may do what, as it stands on record: agents and what is open to each (topic `agents.registry`)."""

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

#: What Kafka allows in a topic's name.
_TOPIC_PART = re.compile(r"[A-Za-z0-9._-]{1,128}")

#: One value or a list of them, none of which is refused.
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
            "anybody can sign for this key, which is a placeholder or a weak point of the curve: make another"
        )
    return text


#: Points of small order, without the sign's bit: a signature that fits them needs no private key.
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
    """What an agent's jobs may cost. `day` is a UTC day, all tiers and processes together."""

    usd_per_day: float | None = Field(default=None, gt=0, le=1e9)
    usd_per_job: float | None = Field(default=None, gt=0, le=1e9)
    when_spent: Literal["reject", "wait"] = Field(
        default="reject", description="what the day has no room for: rejected, or queued until it has"
    )


class ApiKey(Value):
    """What is known of an API key: enough to recognise it, not to use it."""

    id: str = Field(
        pattern=r"^[0-9a-f]{12}$", description="as it stands in the key, so that people can tell it"
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the whole key as text, in hexadecimal")
    expires: date | None = Field(default=None, description="the first day, by UTC, on which it is refused")

    def has_expired(self, today: date) -> bool:
        """Whether its last day is over; `today` by UTC."""
        return self.expires is not None and today >= self.expires


class AgentEntry(Value):
    """One agent and what is open to it; what is left out is not restricted."""

    id: AgentId
    owner: Name = Field(description="the team that answers for it")
    contact: Name | None = Field(default=None, description="how to reach them: a mail address or a channel")
    purpose: str | None = Field(default=None, min_length=1, max_length=500)
    tiers: OneOrMore[TierName] | None = None
    kinds: OneOrMore[Kind] | None = None
    tools: tuple[Name, ...] | None = Field(
        default=None, max_length=256, description="names of tools that its jobs may offer; [] for none"
    )
    reviews: OneOrMore[QueueName] | None = Field(
        default=None,
        exclude_if=lambda queues: queues is None,
        description="queues whose cases it, a person, may decide",
    )
    confidence: tuple[EntryThreshold, ...] = Field(
        default=(),
        exclude_if=lambda thresholds: not thresholds,
        max_length=32,
        description="confidence that does not exceed these sends its jobs to a person",
    )
    talks_to: OneOrMore[AgentId] | None = Field(default=None, description="agents that it may write to")
    max_chars: int | None = Field(default=None, ge=1, description="characters of text in all messages")
    budget: AgentBudget | None = None
    jobs_per_minute: int | None = Field(default=None, ge=1, le=1_000_000, description="begun in any 60 s")
    over_rate: Literal["wait", "reject"] = Field(default="wait", description="a job beyond that")
    expires: date | None = Field(default=None, description="the first day, by UTC, on which it is refused")
    public_keys: OneOrMore[PublicKey] | None = Field(
        default=None, description="Ed25519, the 32 bytes in base64; two while one replaces the other"
    )
    api_keys: tuple[ApiKey, ...] = Field(
        default=(),
        exclude_if=lambda keys: not keys,
        max_length=16,
        description="by which a gateway knows it; gateways may sign for it then",
    )
    gateway: bool = Field(
        default=False,
        exclude_if=lambda gateway: not gateway,
        description="it may sign for agents that have API keys",
    )
    kafka: bool = Field(default=False, description="it has a Kafka login, and a topic for its outcomes")

    @field_validator("api_keys")
    @classmethod
    def _distinct_keys(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        for names in ([key.id for key in keys], [key.sha256 for key in keys]):
            for place, name in enumerate(names):
                if name in names[:place]:
                    raise ValueError(f"`{name}` is there twice; each key once")
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
    """An agent is from here on as `agent` says; the latest such record of an agent holds.

    Sent by whoever approved it, where the rules ask for two people, else by whoever changed it.
    """

    type: Literal["agent.changed.v1"] = "agent.changed.v1"
    agent: AgentEntry
    state: State = "active"
    by: AgentId = Field(description="who changed it")
    approved_by: AgentId | None = Field(default=None, description="who approved it, where the rules ask")
    proposal: UUID | None = Field(default=None, description="what was approved")
    reason: str = Field(default="", max_length=2000)


class RegistryRules(Value):
    """What holds for all agents of an installation."""

    unregistered: Literal["admit", "reject"] = Field(description="what to do with agents not listed here")
    identity: Literal["claimed", "signed"] = Field(
        default="claimed", description="whether an agent's word is enough, or its signature is asked for"
    )
    strict: bool = Field(
        default=False, description="each agent needs a contact and a day on which it expires"
    )
    approvals: Literal[1, 2] = Field(default=1, description="people who must agree to a change")


class RegistryChanged(Message):
    """The rules for all agents are these from here on."""

    type: Literal["registry.changed.v1"] = "registry.changed.v1"
    rules: RegistryRules
    by: AgentId
    approved_by: AgentId | None = None
    proposal: UUID | None = None
    reason: str = Field(default="", max_length=2000)


class ProposedChange(Value):
    """One of `agent`, in this state, and `rules`."""

    agent: AgentEntry | None = None
    state: State = "active"
    rules: RegistryRules | None = None


class RegistryProposed(Message):
    """Changes that hold once another person has approved them; each is then a message of its own."""

    type: Literal["registry.proposed.v1"] = "registry.proposed.v1"
    proposal: UUID
    changes: tuple[ProposedChange, ...] = Field(min_length=1, max_length=10_000)
    by: AgentId
    reason: str = Field(default="", max_length=2000)
