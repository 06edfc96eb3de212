"""A Kafka ACL, and the effect of a set of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Resource = Literal["topic", "group", "transactional id", "cluster"]
Pattern = Literal["literal", "prefixed"]
#: As Kafka calls them, in lower case.
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

#: The only resource of its kind.
CLUSTER = "kafka-cluster"
_USER = "User:"
#: What is granted with an operation.
_IMPLIED: dict[str, tuple[Operation, ...]] = {
    "describe": ("read", "write", "delete", "alter"),
    "describe configs": ("alter configs",),
}


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One rule. `principal` is as Kafka writes it, `User:NAME`; ours allow, and from anywhere."""

    principal: str
    resource: Resource
    name: str
    pattern: Pattern
    operation: Operation
    permission: Literal["allow", "deny"] = "allow"
    host: str = "*"

    @property
    def user(self) -> str:
        """Whom it is for."""
        return self.principal.removeprefix(_USER)

    def covers(self, resource: Resource, name: str) -> bool:
        """Whether it is about this resource."""
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
    """A user as an ACL names it."""
    return f"{_USER}{user}"


def allowed(acls: Iterable[Acl], user: str, resource: Resource, name: str, operation: Operation) -> bool:
    """What Kafka's authorizer makes of `acls`, of which none denies."""
    acls_of_user = [acl for acl in acls if acl.user == user]
    if operation == "idempotent write" and any(
        (acl.resource, acl.operation) == ("topic", "write") for acl in acls_of_user
    ):
        return True  # who may write to a topic may do so idempotently
    enough = {"all", operation, *_IMPLIED.get(operation, ())}
    return any(acl.operation in enough and acl.covers(resource, name) for acl in acls_of_user)
