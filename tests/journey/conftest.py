"""The whole system, for each test that asks for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.support.running.system import System


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    """Every service as a process of its own, on the run's servers."""
    started = System(tmp_path / "system", kafka.bootstrap, database, kafka.prefix)
    try:
        await started.start()
        yield started
    finally:
        started.stop()
