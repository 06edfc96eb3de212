"""`pointsman access apply` creates the derived rights on real servers; a second run changes nothing."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pointsman.access.apply import Passwords, Servers, apply, issue, plan
from pointsman.access.derive import Access, derive
from pointsman.access.explained import Explained
from pointsman.bus import connection
from pointsman.bus.admin.acl import Acl, principal
from pointsman.bus.admin.acls import add_acls, list_acls, remove_acls
from pointsman.bus.admin.quotas import list_quotas, set_client_quota, set_quotas
from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.admin.users import list_users, remove_users, set_passwords
from pointsman.bus.errors import BusError
from pointsman.bus.tcp_check import await_server
from pointsman.dev.servers.postgres import EmbeddedPostgres
from pointsman.store.errors import StoreError
from pointsman.store.migrate import migrate
from pointsman.store.roles import AUDITOR, as_login, ensure_login
from pointsman_schemas.topics import Topics
from tests.conftest import empty_database
from tests.support.access.agents import entry_of
from tests.support.access.broker import GuardedKafka, guarded_kafka
from tests.support.running import servers

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TIERS = ("small", "frontier")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as started:
        yield started


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A separate server, because logins belong to the server and other tests leave some."""
    started = EmbeddedPostgres(tmp_path_factory.mktemp("server") / "postgres")
    started.start()
    try:
        yield started
    finally:
        started.stop()
        started.remove()


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    async with empty_database(servers.Servers("", postgres.dsn())) as made:
        yield made


@dataclass(frozen=True)
class Installation:
    """`passwords`: those that were set when it was created."""

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
        """Returns the differences, once the brokers know all changes."""
        async with asyncio.timeout(30):
            while len(change_lines := set(await self.changes())) < len(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return change_lines

    async def apply(self, **other: Any) -> list[str]:
        return [str(change) for change in await apply(replace(self.servers, **other), self.wanted, {})]


@pytest.fixture
async def made(broker: GuardedKafka, database: str) -> AsyncIterator[Installation]:
    """A separate installation after `access apply`."""
    prefix = f"t{secrets.token_hex(4)}"
    topics = Topics(prefix)
    wanted = derive(topics, TIERS, [entry_of("reader"), entry_of("slow", 60, 1000)])
    servers = Servers(broker.admin, database)
    await migrate(database)
    await apply_topics(broker.admin, topics.all(TIERS))
    to_do = await plan(servers, wanted)
    # The migrations already grant the derived rights.
    assert [str(change) for change in to_do if change.sign != "+"] == []
    passwords = issue(wanted, servers, to_do)
    await apply(servers, wanted, passwords)
    yield Installation(servers, wanted, passwords)
    await remove_acls(broker.admin, await list_acls(broker.admin))
    users = (await list_users(broker.admin)).items()
    removed_users = [
        (name, way) for name, ways in users for way in ways if name != broker.admin.kafka_username
    ]
    await remove_users(broker.admin, removed_users)
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


async def test_every_login_works_with_its_new_password(made: Installation, broker: GuardedKafka) -> None:
    assert made.passwords.keys() == set(made.wanted.users)
    for name, passwords in made.passwords.items():
        assert passwords.kafka is not None
        await await_server(broker.part(name, passwords.kafka))
        assert (passwords.postgres is None) == (name not in made.wanted.logins)
        if passwords.postgres is not None:
            await (await asyncpg.connect(as_login(made.postgres, name, passwords.postgres))).close()


async def test_excess_rights_are_reported_and_revoked(made: Installation) -> None:
    prefix, reader = made.wanted.prefix, f"{made.wanted.prefix}.agent.reader"
    by_hand = [
        Acl(principal(reader), "topic", f"{prefix}.jobs.results", "literal", "read"),
        Acl(principal(reader), "topic", "elsewhere", "literal", "read"),
        Acl(principal(reader), "cluster", "kafka-cluster", "literal", "alter"),
        Acl(principal("stranger"), "topic", f"{prefix}.calls", "literal", "read"),
        Acl(principal("stranger"), "topic", prefix[:3], "prefixed", "read"),
        Acl(principal("*"), "group", "*", "literal", "read"),
    ]
    lack = Acl(principal(f"{prefix}.router"), "topic", f"{prefix}.calls", "literal", "write", "deny")
    strange = Acl(principal("stranger"), "topic", "elsewhere", "literal", "read")
    await add_acls(made.kafka, [*by_hand, lack, strange])
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
        f"- ACL {lack}: a lack of what is derived",
        f"- Kafka user {prefix}.agent.gone: SCRAM-SHA-512",
        f"- quota {prefix}.router: producer_byte_rate 1 -> none",
        f"~ quota {reader}: request_percentage 900 -> 25",
        f"- Postgres login {prefix}.gone: nothing explains it: is a member of pointsman_auditor",
        f"~ Postgres login {prefix}.operator: is createdb",
        f"~ Postgres login {prefix}.auditor: is a member of pointsman_audit_writer",
        f"~ Postgres login {prefix}.audit: holds a grant of its own on table audit.message",
    }
    left = {"! Kafka user stranger: SCRAM-SHA-512"}
    assert await made.known(expected | left) == expected | left
    assert set(await made.apply()) == expected
    assert set(await made.changes()) == left
    assert strange in await list_acls(made.kafka)
    assert "stranger" in await list_users(made.kafka)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(as_login(made.postgres, f"{prefix}.gone", "x"))
    await admin.execute(f'drop role "{prefix}.gone"')
    await admin.close()


async def test_missing_rights_are_reported_and_granted(made: Installation) -> None:
    prefix, topics = made.wanted.prefix, Topics(made.wanted.prefix)
    missing_acl = Acl(principal(f"{prefix}.audit"), "topic", f"{prefix}.", "prefixed", "read")
    await remove_acls(made.kafka, [missing_acl])
    await set_quotas(made.kafka, {f"{prefix}.agent.slow": {"producer_byte_rate": None}})
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(f'revoke pointsman_auditor from "{prefix}.auditor"')
    await admin.close()
    rate = made.wanted.quotas[f"{prefix}.agent.slow"]["producer_byte_rate"]
    expected = {
        f"+ ACL {missing_acl}",
        f"~ quota {prefix}.agent.slow: producer_byte_rate none -> {rate:.0f}",
        f"~ Postgres login {prefix}.auditor: is no member of pointsman_auditor",
    }
    assert await made.known(expected) == expected
    await made.apply()
    assert await made.changes() == []
    with_topic = derive(topics, TIERS, [entry_of("new")])
    assert f"+ topic {prefix}.agents.results.new" in [
        str(change) for change in await plan(made.servers, with_topic)
    ]


async def test_a_login_that_is_explained_otherwise_is_left_alone(made: Installation) -> None:
    name = f"reader_{made.wanted.prefix}"
    await ensure_login(made.postgres, name, AUDITOR, "x")
    finding = f"- Postgres login {name}: nothing explains it: is a member of pointsman_auditor"
    assert await made.changes() == [finding]
    assert await made.changes(other_logins=[name]) == []
    assert await made.apply(other_logins=[name]) == []
    assert await made.apply() == [finding]


async def test_a_login_that_owns_objects_keeps_them(made: Installation) -> None:
    name = f"{made.wanted.prefix}.operator"
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(f'create schema hers authorization "{name}"')
    assert await made.changes() == [f"~ Postgres login {name}: owns schema hers"]
    with pytest.raises(StoreError, match="owns schema hers: drop it"):
        await made.apply()
    await admin.execute("drop schema hers")
    assert await made.changes() == []
    await admin.close()


async def test_after_a_rotation_only_the_new_password_works(made: Installation, broker: GuardedKafka) -> None:
    name = f"{made.wanted.prefix}.operator"
    before = made.passwords[name]
    renewed = issue(made.wanted, made.servers, [], [name])
    assert renewed.keys() == {name}
    assert await apply(made.servers, made.wanted, renewed) == []
    after = renewed[name]
    assert before.kafka and after.kafka and before.postgres and after.postgres
    await _until_let_in(broker, name, after.kafka)
    with pytest.raises(BusError):
        await await_server(broker.part(name, before.kafka), 1)
    await (await asyncpg.connect(as_login(made.postgres, name, after.postgres))).close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(as_login(made.postgres, name, before.postgres))


async def _until_let_in(broker: GuardedKafka, name: str, password: str) -> None:
    """Waits until the brokers know a new password."""
    await await_server(broker.part(name, password), 20)


async def test_rights_of_other_software_are_reported_and_kept(made: Installation) -> None:
    left = [
        Acl(principal("*"), "cluster", "kafka-cluster", "literal", "alter"),
        Acl(principal("*"), "topic", "__consumer_offsets", "literal", "read"),
        Acl(principal("*"), "topic", "elsewhere", "literal", "read"),
        Acl(principal("thief"), "topic", "__", "prefixed", "read"),
        Acl(principal("thief"), "cluster", "kafka-cluster", "literal", "alter"),
        Acl(principal("thief"), "cluster", "kafka-cluster", "literal", "alter configs"),
        Acl(principal("thief"), "cluster", "kafka-cluster", "literal", "cluster action"),
    ]
    lack = Acl(principal("*"), "cluster", "kafka-cluster", "literal", "describe", "deny")
    harmless = [
        Acl(principal("thief"), "cluster", "kafka-cluster", "literal", "describe"),
        Acl(principal("thief"), "topic", made.wanted.topics[0].name, "literal", "read", "deny"),
        Acl(principal("*"), "topic", "elsewhere", "literal", "write", "deny"),
    ]
    await add_acls(made.kafka, [*left, lack, *harmless])
    prefix = made.wanted.prefix
    others = [prefix, f"{prefix.upper()}.agent.x", "thief"]
    await set_passwords(made.kafka, dict.fromkeys(others, "x"))
    expected = {
        *(f"! ACL {acl}" for acl in left),
        f"! ACL {lack}: a lack of what is derived",
        *(f"! Kafka user {name}: SCRAM-SHA-512" for name in others),
    }
    assert await made.known(expected) == expected
    assert await made.apply() == []
    assert set(await made.changes()) == expected
    everybody = frozenset(line[2:] for line in expected if "*:" in line)
    meant = Explained(everybody, ("thief", prefix, f"{prefix.upper()}*"))
    assert await made.changes(explained=meant) == []


async def test_extra_credentials_and_client_quotas_are_removed(made: Installation) -> None:
    reader = f"{made.wanted.prefix}.agent.reader"
    admin = connection.cluster_admin(made.kafka)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    for asked in admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(reader, info, b"pw")], request_timeout=15
    ).values():
        await asyncio.wrap_future(asked)
    await set_client_quota(made.kafka, reader, "big", {"producer_byte_rate": 1e9})
    await set_client_quota(made.kafka, reader, None, {"consumer_byte_rate": 1e9})
    expected = {
        f"- Kafka user {reader}: SCRAM-SHA-256",
        f"- quota {reader}: client id big: producer_byte_rate 1000000000 -> none",
        f"- quota {reader}: client id <default>: consumer_byte_rate 1000000000 -> none",
    }
    assert await made.known(expected) == expected
    assert set(await made.apply()) == expected
    assert await made.changes() == []


async def test_every_login_with_access_to_the_record_is_reported(made: Installation) -> None:
    """All logins with access are reported, not only members of pointsman's roles."""
    tag = made.wanted.prefix
    roles = [f"{kind}_{tag}" for kind in ("mid", "remote", "direct", "above", "reads", "files", "copies")]
    mid, remote, direct, above, reads, files, copies = roles
    admin = await asyncpg.connect(made.postgres)
    await admin.execute(
        f"""
        create role {mid}; grant pointsman_auditor to {mid};
        create role {remote} login; grant {mid} to {remote};
        create role {direct} login; grant usage on schema audit to {direct};
        grant select on audit.message, audit.job, audit.turn, audit.lost to {direct};
        create role {above} login superuser; create role {copies} login replication;
        create role {reads} login; grant pg_read_all_data to {reads};
        create role {files} login; grant {reads} to {files};
        grant update on audit.message to pointsman_audit_writer;
        grant select (value) on audit.message to pointsman_claims;
        grant select on audit.message to public;
        grant execute on function audit.open_subject_keys to public;
        grant select on audit.job to pointsman_auditor with grant option;
        alter default privileges in schema audit grant select on tables to {direct};
        revoke select on audit.turn from pointsman_auditor;
        revoke insert on audit.checkpoint from pointsman_audit_writer;
        """
    )
    mended = {
        "~ Postgres role pointsman_audit_writer: may update on table audit.message",
        "~ Postgres role pointsman_audit_writer: may not insert on table audit.checkpoint",
        "~ Postgres role pointsman_auditor: may not select on table audit.turn",
        "~ Postgres role pointsman_auditor: may give others select on table audit.job",
        "~ Postgres role pointsman_claims: may select on table audit.message (value)",
        "- Postgres role PUBLIC: may execute on function audit.open_subject_keys",
        "- Postgres role PUBLIC: may select on table audit.message",
        f"- Postgres role {direct}: may select on "
        "table audit.job, table audit.lost, table audit.message and 1 more",
        f"- Postgres role {direct}: may usage on schema audit",
        f"- Postgres role {direct}: gets select on what is made in audit later",
    }
    left = {
        f"! Postgres login {remote}: nothing explains it: is a member of {mid}; "
        "is, by way of that, a member of pointsman_auditor",
        f"! Postgres login {above}: nothing explains it: is superuser",
        f"! Postgres login {copies}: nothing explains it: is replication",
        f"! Postgres login {reads}: nothing explains it: is a member of pg_read_all_data",
        f"! Postgres login {files}: nothing explains it: is a member of {reads}; "
        "is, by way of that, a member of pg_read_all_data",
    }
    try:
        assert set(await made.changes()) == mended | left
        assert set(await made.apply()) == mended
        assert set(await made.changes()) == left
        assert await made.changes(other_logins=roles) == []
        assert await made.changes(explained=Explained(users=(*roles[:4], reads, files, copies))) == []
    finally:
        for role in roles:
            await admin.execute(f"drop owned by {role}; drop role {role}")
        await admin.close()
