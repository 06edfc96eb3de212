"""What is derived is made on a real broker and a real database; a second time there is nothing to do."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from pointsman.access.apply import Passwords, Servers, apply, issue, plan
from pointsman.access.derive import Access, derive
from pointsman.bus.admin.acl import Acl, principal
from pointsman.bus.admin.acls import add_acls, list_acls, remove_acls
from pointsman.bus.admin.quotas import list_quotas, set_quotas
from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.admin.users import list_users, remove_users, set_passwords
from pointsman.bus.errors import BusError
from pointsman.bus.tcp_check import reach
from pointsman.store.errors import StoreError
from pointsman.store.migrate import migrate
from pointsman.store.roles import AUDITOR, as_login, ensure_login
from pointsman_schemas.topics import Topics
from tests.support.access.broker import GuardedKafka, guarded_kafka

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TIERS = ("small", "frontier")


@dataclass(frozen=True)
class Agent:
    id: str
    jobs_per_minute: int | None = None
    max_chars: int | None = None


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as started:
        yield started


@dataclass(frozen=True)
class Installation:
    """`passwords`: what was given when it was made."""

    servers: Servers
    wanted: Access
    passwords: dict[str, Passwords]

    @property
    def kafka(self) -> Any:
        return self.servers.kafka

    @property
    def postgres(self) -> str:
        assert self.servers.postgres is not None
        return self.servers.postgres

    async def changes(self, **other: Any) -> list[str]:
        return [str(change) for change in await plan(replace(self.servers, **other), self.wanted)]

    async def known(self, expected: Collection[str]) -> set[str]:
        """What differs, as soon as the brokers know so much of it."""
        async with asyncio.timeout(30):
            while len(found := set(await self.changes())) < len(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def apply(self, **other: Any) -> list[str]:
        return [str(change) for change in await apply(replace(self.servers, **other), self.wanted, {})]


@pytest.fixture
async def made(broker: GuardedKafka, database: str) -> AsyncIterator[Installation]:
    """An installation of its own, as `access apply` leaves it."""
    prefix = f"t{secrets.token_hex(4)}"
    topics = Topics(prefix)
    wanted = derive(topics, TIERS, [Agent("reader"), Agent("slow", 60, 1000)])
    servers = Servers(broker.admin, database)
    await migrate(database)
    await apply_topics(broker.admin, topics.all(TIERS))
    passwords = issue(wanted, servers, await plan(servers, wanted))
    await apply(servers, wanted, passwords)
    yield Installation(servers, wanted, passwords)
    await remove_acls(broker.admin, [acl for acl in await list_acls(broker.admin) if prefix in acl.principal])
    await remove_users(broker.admin, [(name, "SCRAM-SHA-512") for name in wanted.users])
    admin = await asyncpg.connect(database)
    for login in wanted.logins:
        await admin.execute(f'drop owned by "{login}"; drop role "{login}"')
    await admin.close()


async def test_a_second_time_there_is_nothing_to_do(made: Installation) -> None:
    assert await made.changes() == []
    assert await made.apply() == []
    acls = {acl for acl in await list_acls(made.kafka) if made.wanted.prefix in acl.principal}
    assert acls == made.wanted.acls
    quotas = await list_quotas(made.kafka)
    assert {name: quotas[name] for name in made.wanted.quotas} == made.wanted.quotas
    assert {"agent.reader", "agent.slow", "router", "worker.small"} <= {
        name.removeprefix(f"{made.wanted.prefix}.") for name in await list_users(made.kafka)
    }


async def test_everybody_gets_in_with_what_was_given(made: Installation, broker: GuardedKafka) -> None:
    assert made.passwords.keys() == set(made.wanted.users)
    for name, passwords in made.passwords.items():
        assert passwords.kafka is not None
        await reach(broker.part(name, passwords.kafka))
        assert (passwords.postgres is None) == (name not in made.wanted.logins)
        if passwords.postgres is not None:
            await (await asyncpg.connect(as_login(made.postgres, name, passwords.postgres))).close()


async def test_an_excess_is_named_and_taken_away(made: Installation) -> None:
    prefix, reader = made.wanted.prefix, f"{made.wanted.prefix}.agent.reader"
    by_hand = [
        Acl(principal(reader), "topic", f"{prefix}.jobs.results", "literal", "read"),
        Acl(principal(reader), "topic", "elsewhere", "literal", "read"),
        Acl(principal(reader), "cluster", "kafka-cluster", "literal", "alter"),
        Acl(principal("stranger"), "topic", f"{prefix}.calls", "literal", "read"),
        Acl(principal("stranger"), "topic", prefix[:3], "prefixed", "read"),
        Acl(principal("*"), "group", "*", "literal", "read"),
        Acl(principal(f"{prefix}.router"), "topic", f"{prefix}.calls", "literal", "write", "deny"),
    ]
    strange = Acl(principal("stranger"), "topic", "elsewhere", "literal", "read")
    await add_acls(made.kafka, [*by_hand, strange])
    await set_passwords(made.kafka, {f"{prefix}.agent.gone": "x", "stranger": "y"})
    await set_quotas(
        made.kafka, {f"{prefix}.router": {"producer_byte_rate": 1.0}, reader: {"request_percentage": 900}}
    )
    await ensure_login(made.postgres, f"{prefix}.gone", AUDITOR, "x")
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(f'alter role "{prefix}.operator" createdb')
    await admin.execute(f'grant pointsman_audit_writer to "{prefix}.auditor"')
    await admin.execute(f'grant select on audit.message to "{prefix}.audit"')
    expected = {
        *(f"- ACL {acl}" for acl in by_hand),
        f"- Kafka user {prefix}.agent.gone: SCRAM-SHA-512",
        f"- quota {prefix}.router: producer_byte_rate 1 -> none",
        f"~ quota {reader}: request_percentage 900 -> 25",
        f"- Postgres login {prefix}.gone: nothing explains it: is a member of pointsman_auditor",
        f"~ Postgres login {prefix}.operator: is createdb",
        f"~ Postgres login {prefix}.auditor: is a member of pointsman_audit_writer",
        f"~ Postgres login {prefix}.audit: holds a grant of its own on table audit.message",
    }
    assert await made.known(expected) == expected
    assert set(await made.apply()) == expected
    assert await made.changes() == []
    assert strange in await list_acls(made.kafka)
    assert "stranger" in await list_users(made.kafka)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(as_login(made.postgres, f"{prefix}.gone", "x"))
    await admin.execute(f'drop role "{prefix}.gone"')
    await admin.close()
    await remove_acls(made.kafka, [strange])
    await remove_users(made.kafka, [("stranger", "SCRAM-SHA-512")])


async def test_a_lack_is_named_and_made_good(made: Installation) -> None:
    prefix, topics = made.wanted.prefix, Topics(made.wanted.prefix)
    gone = Acl(principal(f"{prefix}.audit"), "topic", f"{prefix}.", "prefixed", "read")
    await remove_acls(made.kafka, [gone])
    await set_quotas(made.kafka, {f"{prefix}.agent.slow": {"producer_byte_rate": None}})
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(f'revoke pointsman_auditor from "{prefix}.auditor"')
    await admin.close()
    rate = made.wanted.quotas[f"{prefix}.agent.slow"]["producer_byte_rate"]
    expected = {
        f"+ ACL {gone}",
        f"~ quota {prefix}.agent.slow: producer_byte_rate none -> {rate:.0f}",
        f"~ Postgres login {prefix}.auditor: is no member of pointsman_auditor",
    }
    assert await made.known(expected) == expected
    await made.apply()
    assert await made.changes() == []
    with_topic = derive(topics, TIERS, [Agent("new")])
    assert f"+ topic {prefix}.agents.results.new" in [
        str(change) for change in await plan(made.servers, with_topic)
    ]


async def test_a_login_that_is_explained_otherwise_is_left_alone(made: Installation) -> None:
    name = f"reader_{made.wanted.prefix}"
    await ensure_login(made.postgres, name, AUDITOR, "x")
    told = f"- Postgres login {name}: nothing explains it: is a member of pointsman_auditor"
    assert await made.changes() == [told]
    assert await made.changes(other_logins=[name]) == []
    assert await made.apply(other_logins=[name]) == []
    assert await made.apply() == [told]


async def test_a_login_that_owns_something_is_not_robbed_of_it(made: Installation) -> None:
    name = f"{made.wanted.prefix}.operator"
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(f'create schema hers authorization "{name}"')
    assert await made.changes() == [f"~ Postgres login {name}: owns schema hers"]
    with pytest.raises(StoreError, match="owns schema hers: drop it"):
        await made.apply()
    await admin.execute("drop schema hers")
    assert await made.changes() == []
    await admin.close()


async def test_who_is_renewed_gets_in_with_the_new_password_only(
    made: Installation, broker: GuardedKafka
) -> None:
    name = f"{made.wanted.prefix}.operator"
    before = made.passwords[name]
    renewed = issue(made.wanted, made.servers, [], [name])
    assert renewed.keys() == {name}
    assert await apply(made.servers, made.wanted, renewed) == []
    after = renewed[name]
    assert before.kafka and after.kafka and before.postgres and after.postgres
    await _until_let_in(broker, name, after.kafka)
    with pytest.raises(BusError):
        await reach(broker.part(name, before.kafka), 1)
    await (await asyncpg.connect(as_login(made.postgres, name, after.postgres))).close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(as_login(made.postgres, name, before.postgres))


async def _until_let_in(broker: GuardedKafka, name: str, password: str) -> None:
    """Brokers hear of a password a moment after it was taken."""
    await reach(broker.part(name, password), 20)
