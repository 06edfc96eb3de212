"""What Kafka's authorizer allows under a set of ACLs."""

from collections.abc import Iterable

from pointsman.bus.admin.acl import Acl, Operation, Resource

#: The name of the only cluster resource.
CLUSTER = "kafka-cluster"
#: For an operation, the operations whose grant includes it.
_IMPLIED: dict[str, tuple[Operation, ...]] = {
    "describe": ("read", "write", "delete", "alter"),
    "describe configs": ("alter configs",),
}


def allowed(acls: Iterable[Acl], user: str, resource: Resource, name: str, operation: Operation) -> bool:
    """Return whether Kafka's authorizer allows the operation under `acls`, none of which denies."""
    acls_of_user = [acl for acl in acls if acl.user == user]
    if operation == "idempotent write" and any(
        (acl.resource, acl.operation) == ("topic", "write") for acl in acls_of_user
    ):
        return True  # Kafka grants it with write access to any topic
    enough = {"all", operation, *_IMPLIED.get(operation, ())}
    return any(acl.operation in enough and _covers(acl, resource, name) for acl in acls_of_user)


def _covers(acl: Acl, resource: Resource, name: str) -> bool:
    if resource != acl.resource:
        return False
    if acl.pattern == "prefixed":
        return name.startswith(acl.name)
    return acl.name in (name, "*")
