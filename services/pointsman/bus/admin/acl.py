"""A Kafka ACL, and the effect of a set of them."""

from collections.abc import Iterable
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

#: The name of the only cluster resource.
CLUSTER = "kafka-cluster"
_USER = "User:"
#: For an operation, the operations whose grant includes it.
_IMPLIED: dict[str, tuple[Operation, ...]] = {
    "describe": ("read", "write", "delete", "alter"),
    "describe configs": ("alter configs",),
}


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

    def covers(self, resource: Resource, name: str) -> bool:
        """Whether the rule applies to this resource."""
        if resource != self.resource:
            return False
        if self.pattern == "prefixed":
            return name.startswith(self.name)
        return self.name in (name, "*")

    def __str__(self) -> str:
        resource_name = self.name if self.pattern == "literal" else f"{self.name}*"
        rest = ("" if self.permission == "allow" else " denied") + (
            "" if self.host == "*" else f" from {self.host}"
        )
        return f"{self.user}: {self.operation} {self.resource} {resource_name}{rest}"


def principal(user: str) -> str:
    """Return a user's name as a Kafka principal."""
    return f"{_USER}{user}"


def allowed(acls: Iterable[Acl], user: str, resource: Resource, name: str, operation: Operation) -> bool:
    """Return whether Kafka's authorizer allows the operation under `acls`, none of which denies."""
    acls_of_user = [acl for acl in acls if acl.user == user]
    if operation == "idempotent write" and any(
        (acl.resource, acl.operation) == ("topic", "write") for acl in acls_of_user
    ):
        return True  # Kafka grants it with write access to any topic
    enough = {"all", operation, *_IMPLIED.get(operation, ())}
    return any(acl.operation in enough and acl.covers(resource, name) for acl in acls_of_user)
