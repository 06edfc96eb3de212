"""A job through the whole system, and its decision made again from what the audit has on record."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.support.command import Command
from tests.support.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    started = System(tmp_path, kafka.bootstrap, database, kafka.prefix)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


async def test_a_decision_is_made_again_from_what_the_router_put_on_record(
    system: System, tmp_path: Path
) -> None:
    jobs = system.jobs(3, kind="math")
    await system.send(list(jobs.values()))
    await system.until_ended(list(jobs), 120)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "policy.yaml").write_text("name: o\ntiers: [o]\ndefault: {tier: o, reason: Another.}\n")
    pointsman = Command(
        elsewhere, {"POINTSMAN_POSTGRES": system.dsn, "POINTSMAN_POLICY": str(elsewhere / "policy.yaml")}
    )
    for job in jobs:
        done = await pointsman.run("why", job, "--recompute")
        assert done.code == 0, done.out + done.err
        assert "the same" in done.lines[-1]
