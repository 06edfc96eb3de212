"""What differs between what is to be there and what the servers have: pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from pointsman.access.derive import Access
from pointsman.access.principals import ADMIN
from pointsman.access.reach import reach
from pointsman.bus.admin.acl import Acl
from pointsman.bus.admin.users import MECHANISM
from pointsman.store.logins import LoginFound
from pointsman.store.role_drift import RoleDrift
from pointsman.store.roles import ALL

#: `!`: it reaches us, and others may need it; it is named, and left to who runs the server.
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
    """What a cluster has. `users`: the mechanisms of each; `topics`: names of those that are there.

    `client_quotas`: of a user and one of its client ids. `asked_by`: the super user who asked for this.
    """

    acls: frozenset[Acl]
    users: Mapping[str, frozenset[str]]
    quotas: Mapping[str, Mapping[str, float]]
    topics: frozenset[str]
    client_quotas: Mapping[tuple[str, str | None], Mapping[str, float]] = field(default_factory=dict)
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One thing to make, take away or change; `name` is whose it is, the rest what it takes to do it.

    `of_client`: a quota is for `client` of the user's only, None for whichever. `statements`: for Postgres.
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
        """What it says, as JSON can hold it."""
        text = str(self.acl) if self.acl is not None else self.name
        return {"change": _DONE[self.sign], "kind": self.kind, "what": text, "detail": self.detail}


def in_kafka(wanted: Access, cluster: KafkaFound) -> list[AccessChange]:
    """In the order in which they are made: nobody loses what it has before it has what it is to have."""
    return [
        *_topics(wanted, cluster.topics),
        *_users(wanted, cluster.users, cluster.asked_by),
        *_acls(wanted, cluster.acls),
        *_quotas(wanted, cluster.quotas),
        *_client_quotas(wanted, cluster.client_quotas),
    ]


def in_postgres(
    wanted: Access,
    existing: Mapping[str, LoginFound],
    drift: Collection[RoleDrift] = (),
    others: Collection[str] = (),
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
        made_for_us = name.startswith(f"{wanted.prefix}.") or login.has_our_role
        sign: Sign = "-" if made_for_us and not login.is_superuser else "!"
        changes.append(AccessChange(sign, "login", name, f"nothing explains it: {held}", login=login))
    return [*changes, *_drift(right for right in drift if right.role not in others)]


def _drift(rights: Iterable[RoleDrift]) -> Iterator[AccessChange]:
    for right in rights:
        sign: Sign = "~" if right.role in ALL else "-"
        yield AccessChange(sign, "role", right.role, right.detail, statements=right.statements)


def _topics(wanted: Access, there: frozenset[str]) -> Iterator[AccessChange]:
    for topic in wanted.agent_topics:
        if topic.name not in there:
            yield AccessChange("+", "topic", topic.name)


def _users(
    wanted: Access, existing: Mapping[str, frozenset[str]], asked_by: str | None
) -> Iterator[AccessChange]:
    for name in wanted.users:
        if MECHANISM not in existing.get(name, ()):
            yield AccessChange("+", "user", name, MECHANISM)
    admins = {f"{wanted.prefix}.{ADMIN}", asked_by}
    for name, mechanisms in sorted(existing.items()):
        for mechanism in sorted(mechanisms):
            if name in admins:
                if mechanism != MECHANISM:  # it may be by this that we are let in
                    yield AccessChange("!", "user", name, mechanism)
            elif not name.startswith(f"{wanted.prefix}."):
                yield AccessChange("!", "user", name, mechanism)
            elif name not in wanted.users or mechanism != MECHANISM:
                yield AccessChange("-", "user", name, mechanism)


def _acls(wanted: Access, existing: frozenset[Acl]) -> Iterator[AccessChange]:
    for acl in sorted(wanted.acls - existing):
        yield AccessChange("+", "acl", acl.user, acl=acl)
    for acl in sorted(existing - wanted.acls):
        lack = "a lack of what is derived" if acl.permission == "deny" else ""
        match reach(wanted.prefix, acl):
            case "ours":
                yield AccessChange("-", "acl", acl.user, lack, acl=acl)
            case "cluster":
                yield AccessChange("!", "acl", acl.user, lack, acl=acl)
            case None:
                pass
            case never:
                assert_never(never)


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


def _client_quotas(
    wanted: Access, existing: Mapping[tuple[str, str | None], Mapping[str, float]]
) -> Iterator[AccessChange]:
    """None is derived, and the broker heeds one before the user's own."""
    for (user, client), values in existing.items():
        if user.startswith(f"{wanted.prefix}."):
            amounts = ", ".join(f"{key} {_number(value)} -> none" for key, value in sorted(values.items()))
            detail = f"client id {client or '<default>'}: {amounts}"
            gone = dict.fromkeys(values)
            yield AccessChange("-", "quota", user, detail, quota=gone, of_client=True, client=client)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}" if value < 1000 else f"{value:.0f}"
