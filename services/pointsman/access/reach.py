"""Whether an ACL on a cluster, which others may use too, concerns an installation: pure."""

from typing import Literal

from pointsman.bus.admin.acl import Acl, principal

#: `ours`: it is for one of our users, or about what is ours by name. `cluster`: it reaches us, and others.
Reach = Literal["ours", "cluster"]

_EVERYBODY = principal("*")
#: By these whoever holds them takes what it wants: it grants itself rights, or acts as a broker.
_TAKES_OVER = frozenset({"all", "alter", "alter configs", "cluster action"})
#: Kafka's own, with every group's positions and every transaction.
_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata")


def reach(prefix: str, acl: Acl) -> Reach | None:
    """How it reaches the installation's users or resources; None: it is others' business.

    What is denied matters where it is denied to one of ours.
    """
    if acl.principal.startswith(principal(f"{prefix}.")):
        return "ours"
    for_all = acl.principal == _EVERYBODY
    if acl.permission == "deny" and not for_all:
        return None
    if _is_named(prefix, acl):
        return "ours"
    if for_all:
        return "cluster" if acl.permission == "allow" or acl.resource == "cluster" else None
    takes_over = acl.resource == "cluster" and acl.operation in _TAKES_OVER
    return "cluster" if takes_over or _is_internal(acl) else None


def _is_named(prefix: str, acl: Acl) -> bool:
    """Whether names of ours are among those that it is about."""
    begins = f"{prefix}."
    if acl.resource == "cluster":
        return False
    if acl.pattern == "prefixed":
        return begins.startswith(acl.name) or acl.name.startswith(begins)
    return acl.name == "*" or acl.name.startswith(begins)


def _is_internal(acl: Acl) -> bool:
    if acl.resource != "topic":
        return False
    if acl.pattern == "prefixed":
        return any(topic.startswith(acl.name) for topic in _INTERNAL)
    return acl.name in _INTERNAL
