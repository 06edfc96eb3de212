"""An installation on a guarded broker and a real database, with every login's password at hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pointsman.access.apply import Passwords, Servers, apply, issue, plan
from pointsman.access.derive import Access, derive
from pointsman.bus.admin.topic_ids import topic_ids_of
from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.dev.servers.postgres import EmbeddedPostgres
from pointsman.runtime.settings import KafkaPart
from pointsman.store.migrate import migrate
from pointsman.store.roles import as_login
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics
from tests.support.access import requests
from tests.support.access.agents import entry_of
from tests.support.access.broker import GuardedKafka, guarded_kafka
from tests.support.access.session import Session

PREFIX = "pm"
TIERS = ("small", "small-eu", "frontier")


@dataclass(frozen=True)
class Guarded:
    broker: GuardedKafka
    owner: str
    access: Access
    passwords: dict[str, Passwords]

    @property
    def topics(self) -> Topics:
        return Topics(PREFIX)

    def name(self, user: str) -> str:
        return f"{PREFIX}.{user}"

    def part(self, name: str) -> KafkaPart:
        """A user's connection settings."""
        password = self.passwords[name].kafka
        assert password is not None
        return self.broker.part(name, password)

    def environment(self, user: str | None = None) -> dict[str, str]:
        """Environment for a command of this user; None: the superuser."""
        if user is not None:
            password = self.passwords[user].kafka
            assert password is not None
            mine = {"POINTSMAN_KAFKA_USERNAME": user, "POINTSMAN_KAFKA_PASSWORD": password}
            return {**self.environment(), **mine, "POINTSMAN_KAFKA_PASSWORD_FILE": ""}
        admin = self.broker.admin
        return {
            "POINTSMAN_KAFKA": admin.kafka,
            "POINTSMAN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "POINTSMAN_KAFKA_CA_FILE": str(admin.kafka_ca_file),
            "POINTSMAN_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "POINTSMAN_KAFKA_USERNAME": admin.kafka_username,
            "POINTSMAN_KAFKA_PASSWORD_FILE": str(admin.kafka_password_file),
            "POINTSMAN_PREFIX": PREFIX,
        }

    def dsn(self, name: str) -> str:
        """The database address for a login."""
        return as_login(self.owner, name, self.passwords[name].postgres)

    async def ids(self) -> dict[str, UUID]:
        """Ids of all topics, including Kafka's internal ones, which it creates on first use."""
        async with Session(self.broker.admin) as session:
            for kind in (0, 1):
                await session.code(requests.find_coordinator("anybody", kind))
        return {name: known.topic for name, known in (await topic_ids_of(self.broker.admin)).items()}


async def _made(broker: GuardedKafka, owner: str) -> Guarded:
    topics = Topics(PREFIX)
    agents = [entry_of("reader"), entry_of("reader-2", 60, 1000)]
    access = derive(topics, TIERS, agents, cascade=("small", "frontier"), claims_in_postgres=True)
    servers = Servers(broker.admin, owner)
    await migrate(owner)
    elsewhere = Topic("elsewhere.jobs", "", "", 1, topics.dead.retention, (), ())
    await apply_topics(broker.admin, [*topics.all(TIERS), elsewhere])
    passwords = issue(access, servers, await plan(servers, access))
    await apply(servers, access, passwords)
    return Guarded(broker, owner, access, passwords)


@contextmanager
def installation(folder: Path) -> Iterator[Guarded]:
    """Creates the installation, and removes it afterwards."""
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    try:
        with guarded_kafka(folder, PREFIX) as broker:
            yield asyncio.run(_made(broker, postgres.dsn()))
    finally:
        postgres.stop()
        postgres.remove()
