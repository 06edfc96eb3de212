"""The users: one for each service and tier, for people, and for each agent that has a Kafka login.

A service's user has the name of its consumer group, and the same name in Postgres.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pointsman.bus.admin.acl import Acl, Operation, Pattern, Resource, principal
from pointsman.bus.produce.transactional_ids import transactional_ids

Role = Literal[
    "router",
    "opinion",
    "worker",
    "review",
    "gateway",
    "audit",
    "operator",
    "reviewer",
    "registry",
    "auditor",
    "agent",
]

#: Roles that have exactly one user.
SINGLE: tuple[Role, ...] = tuple(role for role in get_args(Role) if role not in ("worker", "agent"))
#: Roles whose processes are members of a group and write in transactions.
_MEMBERS: tuple[Role, ...] = ("router", "opinion", "worker", "review")
#: The cluster's super user, which creates the others; no service uses it.
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user. `part`: a worker's tier or an agent's id; empty for other roles."""

    prefix: str
    role: Role
    part: str = ""

    @property
    def name(self) -> str:
        return f"{self.prefix}.{self.role}" + (f".{self.part}" if self.part else "")

    @property
    def words(self) -> frozenset[str]:
        """Its names in the topics' declarations."""
        match self.role:
            case "worker":
                return frozenset({"worker", f"worker-{self.part}"})
            case "agent":
                return frozenset({"agents", f"agent-{self.part}"})
            case "operator":
                return frozenset({"people"})
            case "reviewer":
                return frozenset({"reviewers"})
            case role:
                return frozenset({role})

    def may(self, resource: Resource, name: str, operation: Operation, pattern: Pattern = "literal") -> Acl:
        return Acl(principal(self.name), resource, name, pattern, operation)

    @property
    def beside_topics(self) -> Iterator[Acl]:
        """Its rights on groups and transactional ids, which topics do not declare."""
        if self.role in (*_MEMBERS, "gateway", "audit", "agent"):
            yield self.may("group", self.name, "read")
        if self.role in _MEMBERS:
            yield self.may("transactional id", transactional_ids(self.name), "write", "prefixed")
        match self.role:
            case "router":  # to see whether second opinions are available
                yield self.may("group", f"{self.prefix}.opinion", "describe")
            case "gateway":  # to count the jobs before one
                yield self.may("group", f"{self.prefix}.router", "describe")
                yield self.may("group", f"{self.prefix}.worker.", "describe", "prefixed")
            case "audit":  # to derive ids as the router does, see `topic_seed`
                yield self.may("group", f"{self.prefix}.router", "describe")
            case "operator":  # lag, queue
                yield self.may("group", f"{self.prefix}.", "describe", "prefixed")
            case _:
                pass


def principals(prefix: str, tiers: Sequence[str], agents: Iterable[str]) -> list[Principal]:
    """Return all principals of an installation. `agents`: the ids of those with a Kafka login."""
    return [
        *(Principal(prefix, role) for role in SINGLE),
        *(Principal(prefix, "worker", tier) for tier in tiers),
        *(Principal(prefix, "agent", agent) for agent in sorted(agents)),
    ]
