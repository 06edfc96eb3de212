"""The whole system, for each test that asks for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest

from pointsman import starter
from tests.conftest import Kafka
from tests.support.running.servers import SecureServers
from tests.support.running.system import TIERS, System


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    """Every service as a process of its own, on the run's servers."""
    started = System(tmp_path / "system", kafka.bootstrap, database, kafka.prefix)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
async def secure_system(
    secure_stack: SecureServers, secure_database: str, tmp_path: Path
) -> AsyncIterator[System]:
    """The same where each service has a login of its own and no more rights than its part needs."""
    prefix = f"t{token_hex(4)}"
    logins = secure_stack.logins(secure_database, prefix, TIERS, starter.AGENTS)
    started = System(tmp_path / "system", secure_stack.bootstrap, secure_database, prefix, logins=logins)
    try:
        await started.start()
        yield started
    finally:
        started.stop()
