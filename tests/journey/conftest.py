"""Fixtures with the whole system."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio

from pointsman import starter
from tests.conftest import Kafka, empty_database
from tests.support.running.servers import SecureServers
from tests.support.running.system import TIERS, System


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    """Every service as a separate process, on the run's servers."""
    started = System(tmp_path / "system", kafka.bootstrap, database, kafka.prefix)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secure_system(
    secure_stack: SecureServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """The same once per file, with a login and minimal rights for each service."""
    prefix = f"t{token_hex(4)}"
    async with empty_database(secure_stack) as database:
        logins = secure_stack.logins(database, prefix, TIERS, starter.AGENTS)
        folder = tmp_path_factory.mktemp("secure_system")
        started = System(folder, secure_stack.bootstrap, database, prefix, logins=logins)
        try:
            await started.start()
            yield started
        finally:
            started.stop()
