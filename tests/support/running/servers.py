"""A real Kafka and Postgres for the tests: configured ones, else Docker's, else embedded ones."""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services.secure_logins import SecureLogins, secure_logins
from pointsman_schemas.topics import Topics
from tests.support.running.compose import image


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers; `admin` is a database from which others can be created."""

    bootstrap: str
    admin: str

    def dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.admin)._replace(path=f"/{database}"))

    async def execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.admin)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def hurry(self) -> None:
        """Disables fsync: tests create hundreds of databases, and a power failure would lose only tests."""
        asyncio.run(self.execute("alter system set fsync = off", "select pg_reload_conf()"))


@dataclass(frozen=True)
class SecureServers(Servers):
    """The embedded servers, with logins required for Kafka."""

    security: BrokerSecurity

    def logins(self, database: str, prefix: str, tiers: Sequence[str], agents: Path) -> SecureLogins:
        """Logins of an installation with these tiers and agents; `database` is the owner's address."""
        return secure_logins(
            self.security, self.bootstrap, database, topics=Topics(prefix), tiers=tiers, agents=agents
        )


@contextmanager
def secure_servers(folder: Path) -> Iterator[SecureServers]:
    """Secure servers for one test run."""
    stack = Stack(folder, secure=True)
    stack.start()
    try:
        assert stack.security is not None
        started = SecureServers(stack.kafka.bootstrap, stack.postgres.dsn("postgres"), stack.security)
        started.hurry()
        yield started
    finally:
        stack.stop()
        stack.postgres.remove()


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """The servers for one test run."""
    kafka, postgres = os.environ.get("POINTSMAN_TEST_KAFKA"), os.environ.get("POINTSMAN_TEST_POSTGRES")
    if kafka and postgres:
        yield Servers(kafka, postgres)
    elif engine_answers():
        with _containers() as started:
            started.hurry()
            yield started
    else:
        stack = Stack(folder)
        stack.start()
        try:
            started = Servers(stack.kafka.bootstrap, stack.postgres.dsn("postgres"))
            started.hurry()
            yield started
        finally:
            stack.stop()
            stack.postgres.remove()


def engine_answers() -> bool:
    """Whether a Docker engine answers. Tries its socket first, as the client leaks refused connections."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(host.removeprefix("unix://")) != 0:
                return False
    import docker

    client = docker.from_env(timeout=5)
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def _containers() -> Iterator[Servers]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy
    from testcontainers.postgres import PostgresContainer

    from pointsman.dev.ports import free_port

    port = free_port()
    kafka: Any = DockerContainer(image("kafka")).with_bind_ports(9092, port)
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS": "2",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "MESSAGE_MAX_BYTES": "8388608",
    }
    for name, value in settings.items():
        kafka = kafka.with_env(f"KAFKA_{name}", value)
    kafka = kafka.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    with kafka, PostgresContainer(image("postgres"), driver=None) as postgres:
        yield Servers(f"127.0.0.1:{port}", postgres.get_connection_url())
