"""A Kafka ACL."""

from dataclasses import dataclass
from typing import Literal

Resource = Literal["topic", "group", "transactional id", "cluster"]
Pattern = Literal["literal", "prefixed"]
#: Kafka's names, in lower case.
Operation = Literal[
    "all",
    "read",
    "write",
    "create",
    "delete",
    "alter",
    "describe",
    "cluster action",
    "describe configs",
    "alter configs",
    "idempotent write",
]

_USER = "User:"


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One rule. `principal`: as Kafka writes it, `User:NAME`. Our own rules allow, from any host."""

    principal: str
    resource: Resource
    name: str
    pattern: Pattern
    operation: Operation
    permission: Literal["allow", "deny"] = "allow"
    host: str = "*"

    @property
    def user(self) -> str:
        """The user's name, without Kafka's prefix."""
        return self.principal.removeprefix(_USER)

    def __str__(self) -> str:
        resource_name = self.name if self.pattern == "literal" else f"{self.name}*"
        suffix = ("" if self.permission == "allow" else " denied") + (
            "" if self.host == "*" else f" from {self.host}"
        )
        return f"{self.user}: {self.operation} {self.resource} {resource_name}{suffix}"


def principal(user: str) -> str:
    """Return a user's name as a Kafka principal."""
    return f"{_USER}{user}"
