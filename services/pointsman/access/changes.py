"""What differs between what is to be there and what the servers have: pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pointsman.access.derive import Access
from pointsman.access.principals import ADMIN
from pointsman.bus.admin.acl import Acl, principal
from pointsman.bus.admin.users import MECHANISM
from pointsman.store.logins import LoginFound

Sign = Literal["+", "-", "~"]
Kind = Literal["topic", "user", "acl", "quota", "login"]
_WORDS = {"user": "Kafka user", "acl": "ACL", "quota": "quota", "login": "Postgres login", "topic": "topic"}


@dataclass(frozen=True, slots=True)
class KafkaFound:
    """What a cluster has. `users`: the mechanisms of each; `topics`: names of those that are there."""

    acls: frozenset[Acl]
    users: Mapping[str, frozenset[str]]
    quotas: Mapping[str, Mapping[str, float]]
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One thing to make, take away or change; `name` is whose it is, the rest what it takes to do it."""

    sign: Sign
    kind: Kind
    name: str
    detail: str = ""
    acl: Acl | None = None
    quota: Mapping[str, float | None] = field(default_factory=dict)
    login: LoginFound | None = None
    role: str | None = None

    def __str__(self) -> str:
        text = str(self.acl) if self.acl is not None else self.name
        return f"{self.sign} {_WORDS[self.kind]} {text}" + (f": {self.detail}" if self.detail else "")

    def to_json(self) -> dict[str, Any]:
        """What it says, as JSON can hold it."""
        done = {"+": "add", "-": "remove", "~": "change"}[self.sign]
        text = str(self.acl) if self.acl is not None else self.name
        return {"change": done, "kind": self.kind, "what": text, "detail": self.detail}


def in_kafka(wanted: Access, cluster: KafkaFound) -> list[AccessChange]:
    """In the order in which they are made: nobody loses what it has before it has what it is to have."""
    return [
        *_topics(wanted, cluster.topics),
        *_users(wanted, cluster.users),
        *_acls(wanted, cluster.acls),
        *_quotas(wanted, cluster.quotas),
    ]


def in_postgres(
    wanted: Access, existing: Mapping[str, LoginFound], others: Collection[str] = ()
) -> list[AccessChange]:
    """`others`: logins that are meant to be there, whoever made them."""
    changes = []
    for name, role in wanted.logins.items():
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
    for name in sorted(existing.keys() - wanted.logins.keys() - set(others)):
        login = existing[name]
        held = "; ".join(login.excess("")) or "may log in"
        changes.append(AccessChange("-", "login", name, f"nothing explains it: {held}", login=login))
    return changes


def ours(prefix: str, acl: Acl) -> bool:
    """Whether a rule is for one of our users, or about what is ours."""
    if acl.principal.startswith(principal(f"{prefix}.")):
        return True
    if acl.resource == "cluster":
        return False
    begins = f"{prefix}."
    if acl.pattern == "prefixed":
        return begins.startswith(acl.name) or acl.name.startswith(begins)
    return acl.name == "*" or acl.name.startswith(begins)


def _topics(wanted: Access, there: frozenset[str]) -> Iterator[AccessChange]:
    for topic in wanted.agent_topics:
        if topic.name not in there:
            yield AccessChange("+", "topic", topic.name)


def _users(wanted: Access, existing: Mapping[str, frozenset[str]]) -> Iterator[AccessChange]:
    for name in wanted.users:
        if MECHANISM not in existing.get(name, ()):
            yield AccessChange("+", "user", name, MECHANISM)
    for name, mechanisms in sorted(existing.items()):
        if not name.startswith(f"{wanted.prefix}.") or name == f"{wanted.prefix}.{ADMIN}":
            continue
        for mechanism in sorted(mechanisms):
            if name not in wanted.users or mechanism != MECHANISM:
                yield AccessChange("-", "user", name, mechanism)


def _acls(wanted: Access, existing: frozenset[Acl]) -> Iterator[AccessChange]:
    there = {acl for acl in existing if ours(wanted.prefix, acl)}
    for acl in sorted(wanted.acls - there):
        yield AccessChange("+", "acl", acl.user, acl=acl)
    for acl in sorted(there - wanted.acls):
        yield AccessChange("-", "acl", acl.user, acl=acl)


def _quotas(wanted: Access, existing: Mapping[str, Mapping[str, float]]) -> Iterator[AccessChange]:
    theirs = {name for name in existing if name.startswith(f"{wanted.prefix}.")}
    for name in sorted({*wanted.quotas, *theirs}):
        before, after = existing.get(name, {}), wanted.quotas.get(name, {})
        different = {
            key: after.get(key) for key in sorted({*before, *after}) if before.get(key) != after.get(key)
        }
        if different:
            detail = ", ".join(
                f"{key} {_number(before.get(key))} -> {_number(value)}" for key, value in different.items()
            )
            sign: Sign = "~" if before and after else "+" if after else "-"
            yield AccessChange(sign, "quota", name, detail, quota=different)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}" if value < 1000 else f"{value:.0f}"
