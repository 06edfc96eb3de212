"""Compares the derived rights with those on the servers; pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from pointsman.access.derive import Access
from pointsman.access.principals import ADMIN
from pointsman.bus.admin.acl import Acl, principal
from pointsman.bus.admin.users import MECHANISM
from pointsman.store.logins import LoginFound, RoleDrift
from pointsman.store.roles import ALL

#: `ours`: for a user of this installation, or a resource named after it. `cluster`: affects it and others.
Reach = Literal["ours", "cluster"]

_EVERYBODY = principal("*")
#: Operations that allow everything: their holder can grant itself rights, or act as a broker.
_TAKES_OVER = frozenset({"all", "alter", "alter configs", "cluster action"})
#: Kafka's internal topics, with every group's offsets and every transaction.
_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata")


def reach(prefix: str, acl: Acl) -> Reach | None:
    """Return how the ACL affects the installation's users or resources; None if it does not.

    A denial matters only if it concerns one of its users.
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
    """Return whether the ACL covers names of this installation."""
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


#: `!`: it affects this installation, but others may need it; it is reported and left to the administrator.
Sign = Literal["+", "-", "~", "!"]
Kind = Literal["topic", "user", "acl", "quota", "login", "role"]
_DONE = {"+": "add", "-": "remove", "~": "change", "!": "judge"}
_WORDS = {
    "user": "Kafka user",
    "acl": "ACL",
    "quota": "quota",
    "login": "Postgres login",
    "role": "Postgres role",
    "topic": "topic",
}


@dataclass(frozen=True, slots=True)
class KafkaFound:
    """A cluster's state. `users`: SCRAM mechanisms of each; `topics`: existing ones.

    `client_quotas`: quotas of a user's single client ids. `asked_by`: the super user that read the state.
    """

    acls: frozenset[Acl]
    users: Mapping[str, frozenset[str]]
    quotas: Mapping[str, Mapping[str, float]]
    topics: frozenset[str]
    client_quotas: Mapping[tuple[str, str | None], Mapping[str, float]] = field(default_factory=dict)
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A thing to add, remove or change for the user `name`; the other fields say how.

    `of_client`: the quota is for this client id only; `client` None: for all. `statements`: for Postgres.
    """

    sign: Sign
    kind: Kind
    name: str
    detail: str = ""
    acl: Acl | None = None
    quota: Mapping[str, float | None] = field(default_factory=dict)
    login: LoginFound | None = None
    role: str | None = None
    of_client: bool = False
    client: str | None = None
    statements: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = str(self.acl) if self.acl is not None else self.name
        return f"{self.sign} {_WORDS[self.kind]} {text}" + (f": {self.detail}" if self.detail else "")

    def to_json(self) -> dict[str, Any]:
        """Return the change as JSON."""
        text = str(self.acl) if self.acl is not None else self.name
        return {"change": _DONE[self.sign], "kind": self.kind, "what": text, "detail": self.detail}


def in_kafka(access: Access, cluster: KafkaFound) -> list[AccessChange]:
    """Return the changes in order of execution: a right is added before another is removed."""
    return [
        *_topics(access, cluster.topics),
        *_users(access, cluster.users, cluster.asked_by),
        *_acls(access, cluster.acls),
        *_quotas(access, cluster.quotas),
        *_client_quotas(access, cluster.client_quotas),
    ]


def in_postgres(
    access: Access,
    existing: Mapping[str, LoginFound],
    drift: Collection[RoleDrift] = (),
    others: Collection[str] = (),
) -> list[AccessChange]:
    """Return the changes; `others`: logins that are expected, whoever created them."""
    changes = []
    for name, role in access.logins.items():
        login = existing.get(name)
        if login is None:
            changes.append(AccessChange("+", "login", name, f"a member of {role}", role=role))
        else:
            lacks = (
                []
                if role in login.roles or f"{role} with admin option" in login.roles
                else [f"is no member of {role}"]
            )
            if problems := [*lacks, *login.excess(role)]:
                changes.append(AccessChange("~", "login", name, "; ".join(problems), login=login, role=role))
    for name in sorted(existing.keys() - access.logins.keys() - set(others)):
        login = existing[name]
        excess = "; ".join(login.excess("")) or "may log in"
        made_for_us = name.startswith(f"{access.prefix}.") or login.has_our_role
        sign: Sign = "-" if made_for_us and not login.is_superuser else "!"
        changes.append(AccessChange(sign, "login", name, f"nothing explains it: {excess}", login=login))
    return [*changes, *_drift(right for right in drift if right.role not in others)]


def _drift(rights: Iterable[RoleDrift]) -> Iterator[AccessChange]:
    for right in rights:
        sign: Sign = "~" if right.role in ALL else "-"
        yield AccessChange(sign, "role", right.role, right.detail, statements=right.statements)


def _topics(access: Access, existing: frozenset[str]) -> Iterator[AccessChange]:
    for topic in access.agent_topics:
        if topic.name not in existing:
            yield AccessChange("+", "topic", topic.name)


def _users(
    access: Access, existing: Mapping[str, frozenset[str]], asked_by: str | None
) -> Iterator[AccessChange]:
    for name in access.users:
        if MECHANISM not in existing.get(name, ()):
            yield AccessChange("+", "user", name, MECHANISM)
    admins = {f"{access.prefix}.{ADMIN}", asked_by}
    for name, mechanisms in sorted(existing.items()):
        for mechanism in sorted(mechanisms):
            if name in admins:
                if mechanism != MECHANISM:  # this login may depend on it
                    yield AccessChange("!", "user", name, mechanism)
            elif not name.startswith(f"{access.prefix}."):
                yield AccessChange("!", "user", name, mechanism)
            elif name not in access.users or mechanism != MECHANISM:
                yield AccessChange("-", "user", name, mechanism)


def _acls(access: Access, existing: frozenset[Acl]) -> Iterator[AccessChange]:
    for acl in sorted(access.acls - existing):
        yield AccessChange("+", "acl", acl.user, acl=acl)
    for acl in sorted(existing - access.acls):
        lack = "a lack of what is derived" if acl.permission == "deny" else ""
        match reach(access.prefix, acl):
            case "ours":
                yield AccessChange("-", "acl", acl.user, lack, acl=acl)
            case "cluster":
                yield AccessChange("!", "acl", acl.user, lack, acl=acl)
            case None:
                pass
            case never:
                assert_never(never)


def _quotas(access: Access, existing: Mapping[str, Mapping[str, float]]) -> Iterator[AccessChange]:
    theirs = {name for name in existing if name.startswith(f"{access.prefix}.")}
    for name in sorted({*access.quotas, *theirs}):
        before, after = existing.get(name, {}), access.quotas.get(name, {})
        different = {
            key: after.get(key) for key in sorted({*before, *after}) if before.get(key) != after.get(key)
        }
        if different:
            detail = ", ".join(
                f"{key} {_number(before.get(key))} -> {_number(value)}" for key, value in different.items()
            )
            sign: Sign = "~" if before and after else "+" if after else "-"
            yield AccessChange(sign, "quota", name, detail, quota=different)


def _client_quotas(
    access: Access, existing: Mapping[tuple[str, str | None], Mapping[str, float]]
) -> Iterator[AccessChange]:
    """Remove all of them: none is derived, and the broker prefers them to the user's own quota."""
    for (user, client), values in existing.items():
        if user.startswith(f"{access.prefix}."):
            amounts = ", ".join(f"{key} {_number(value)} -> none" for key, value in sorted(values.items()))
            detail = f"client id {client or '<default>'}: {amounts}"
            quotas = dict.fromkeys(values)
            yield AccessChange("-", "quota", user, detail, quota=quotas, of_client=True, client=client)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}" if value < 1000 else f"{value:.0f}"
