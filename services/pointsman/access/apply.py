"""Applies the derived rights to the servers, in two steps: plan, then apply."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from pointsman.access.changes import AccessChange, KafkaFound, in_kafka, in_postgres
from pointsman.access.derive import Access
from pointsman.access.explained import NOTHING, Explained
from pointsman.bus.admin.acl import principal
from pointsman.bus.admin.acls import add_acls, list_acls, remove_acls
from pointsman.bus.admin.quotas import list_client_quotas, list_quotas, set_client_quota, set_quotas
from pointsman.bus.admin.topic_ids import topic_ids_of
from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.admin.users import list_users, remove_users, set_passwords
from pointsman.bus.errors import BusError
from pointsman.runtime.settings import KafkaPart
from pointsman.store.logins import list_drift, list_logins, mend, narrow_login
from pointsman.store.roles import ensure_login

#: Time limit of `apply` in seconds: brokers learn of a change one after another.
_APPLY_S = 30.0
_PAUSE_S = 0.1
_PASSWORD_BYTES = 24


@dataclass(frozen=True, slots=True)
class Passwords:
    """A user's new passwords; None if it keeps its password or has no login."""

    kafka: str | None = None
    postgres: str | None = None


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers, each with a login that may change it; None: not touched.

    `other_logins`: Postgres users that may also have pointsman's roles; `explained`: other expected rights.
    """

    kafka: KafkaPart | None
    postgres: str | None
    other_logins: Collection[str] = ()
    explained: Explained = NOTHING


async def plan(servers: Servers, access: Access) -> list[AccessChange]:
    """Return the changes that give the servers the wanted rights.

    Raises:
        BusError, StoreError: a server did not answer, or refused.
    """
    changes: list[AccessChange] = []
    if servers.kafka is not None:
        changes += in_kafka(access, await _kafka_state(servers.kafka))
    if servers.postgres is not None:
        begins = f"{access.prefix}."
        logins = await list_logins(servers.postgres, begins)
        drift = await list_drift(servers.postgres, begins)
        changes += in_postgres(access, logins, drift, servers.other_logins)
    return servers.explained.without(changes)


def issue(
    access: Access, servers: Servers, changes: Iterable[AccessChange], renew: Collection[str] = ()
) -> dict[str, Passwords]:
    """Make new passwords for users that will be created, and for those in `renew`; by user."""
    added = {(change.kind, change.name) for change in changes if change.sign == "+"}
    issued = {}
    for name in sorted({*access.users, *access.logins}):
        kafka = servers.kafka is not None and name in access.users
        postgres = servers.postgres is not None and name in access.logins
        new = Passwords(
            token_hex(_PASSWORD_BYTES) if kafka and (("user", name) in added or name in renew) else None,
            token_hex(_PASSWORD_BYTES) if postgres and (("login", name) in added or name in renew) else None,
        )
        if new != Passwords():
            issued[name] = new
    return issued


async def apply(servers: Servers, access: Access, passwords: Mapping[str, Passwords]) -> list[AccessChange]:
    """Make the changes of `plan` and set these passwords; returns the changes made. Idempotent.

    Changes with the sign `!`, which other systems may need, are left out.

    Raises:
        BusError, StoreError: a server did not answer, or refused.
    """
    done: dict[str, AccessChange] = {}
    give_up = time.monotonic() + _APPLY_S
    changes = await _to_do(servers, access)
    await _set(servers, access, passwords)
    while changes:
        if time.monotonic() > give_up:
            raise BusError(f"was applied, but is not in effect: {changes[0]}")
        await _carry_out(servers, access, changes)
        done |= {str(change): change for change in changes}
        await asyncio.sleep(_PAUSE_S)
        changes = await _to_do(servers, access)
    return list(done.values())


async def suspend(kafka: KafkaPart, user: str) -> list[AccessChange]:
    """Remove the user's ACLs, which also stops its open connections, and its logins; returns the changes.

    Raises:
        BusError: the cluster did not answer, or refused.
    """
    acls = sorted(acl for acl in await list_acls(kafka) if acl.principal == principal(user))
    await remove_acls(kafka, acls)
    mechanisms = sorted((await list_users(kafka)).get(user, ()))
    await remove_users(kafka, [(user, mechanism) for mechanism in mechanisms])
    return [
        *(AccessChange("-", "acl", user, acl=acl) for acl in acls),
        *(AccessChange("-", "user", user, mechanism) for mechanism in mechanisms),
    ]


async def _to_do(servers: Servers, access: Access) -> list[AccessChange]:
    return [change for change in await plan(servers, access) if change.sign != "!"]


async def _kafka_state(kafka: KafkaPart) -> KafkaFound:
    acls, users, quotas, client_quotas, topics = await asyncio.gather(
        list_acls(kafka),
        list_users(kafka),
        list_quotas(kafka),
        list_client_quotas(kafka),
        topic_ids_of(kafka),
    )
    return KafkaFound(acls, users, quotas, frozenset(topics), client_quotas, kafka.kafka_username)


async def _set(servers: Servers, access: Access, passwords: Mapping[str, Passwords]) -> None:
    if servers.kafka is not None:
        await set_passwords(
            servers.kafka, {name: new.kafka for name, new in passwords.items() if new.kafka is not None}
        )
    if servers.postgres is not None:
        for name, new in passwords.items():
            if new.postgres is not None:
                await ensure_login(servers.postgres, name, access.logins[name], new.postgres)


async def _carry_out(servers: Servers, access: Access, changes: Sequence[AccessChange]) -> None:
    """Make the changes. Missing users and logins come with their passwords; ACLs are removed before users."""
    if servers.kafka is not None:
        missing = {change.name for change in changes if change.kind == "topic"}
        if missing:
            await apply_topics(servers.kafka, [topic for topic in access.topics if topic.name in missing])
        acls = [(change.sign, change.acl) for change in changes if change.acl is not None]
        await add_acls(servers.kafka, [acl for sign, acl in acls if sign == "+"])
        await remove_acls(servers.kafka, [acl for sign, acl in acls if sign == "-"])
        quotas = [change for change in changes if change.quota]
        await set_quotas(
            servers.kafka, {change.name: change.quota for change in quotas if not change.of_client}
        )
        for change in quotas:
            if change.of_client:
                await set_client_quota(servers.kafka, change.name, change.client, change.quota)
        removed_users = [change for change in changes if (change.kind, change.sign) == ("user", "-")]
        await remove_users(servers.kafka, [(change.name, change.detail) for change in removed_users])
    if servers.postgres is not None:
        await mend(servers.postgres, [statement for change in changes for statement in change.statements])
        for change in changes:
            if change.login is not None:
                await narrow_login(servers.postgres, change.login, change.role)
