"""Fixtures for real servers: started once per run, with a new prefix and database for each test."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import settings

from pointsman.runtime.settings import KafkaPart
from tests.support.running.servers import SecureServers, Servers, secure_servers, servers

# The same examples in every run, none too slow for a busy machine; `--hypothesis-profile explore`
# looks for new ones.
settings.register_profile("explore", deadline=None)
settings.register_profile("settled", deadline=None, derandomize=True)
settings.load_profile("settled")


@dataclass(frozen=True)
class Kafka:
    """A broker, and a topic prefix that nobody else uses."""

    bootstrap: str
    prefix: str

    @property
    def settings(self) -> KafkaPart:
        """The connection settings."""
        return KafkaPart(kafka=self.bootstrap, prefix=self.prefix)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Environment variables that a test or command sets are restored afterwards."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Kafka and Postgres for the whole run."""
    with servers(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(scope="session")
def secure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServers]:
    """Kafka with TLS, logins and ACLs, and Postgres, for the whole run."""
    with secure_servers(tmp_path_factory.mktemp("secure")) as started:
        yield started


@pytest.fixture
def kafka(stack: Servers) -> Kafka:
    return Kafka(stack.bootstrap, f"t{secrets.token_hex(4)}")


@pytest.fixture
async def database(stack: Servers) -> AsyncIterator[str]:
    """The address of an empty database."""
    async with empty_database(stack) as address:
        yield address


@asynccontextmanager
async def empty_database(servers: Servers) -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    await servers.execute(f'create database "{name}"')
    yield servers.dsn(name)
    await servers.execute(f'drop database if exists "{name}" with (force)')
