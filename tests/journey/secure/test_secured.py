"""The whole system on a broker that requires TLS and a password."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bus.secured_kafka import PASSWORD, environment, secured_kafka
from tests.support.running.command import Command
from tests.support.running.system import System

pytestmark = pytest.mark.stack


@pytest.fixture
async def secured(tmp_path: Path, database: str) -> AsyncIterator[System]:
    with secured_kafka(tmp_path) as broker:
        settings = broker.settings("SCRAM", "SCRAM-SHA-512", kafka_password=None)
        settings["kafka_password_file"] = broker.file("password", f"{PASSWORD}\n")
        del settings["kafka_password"]
        address = settings.pop("kafka")
        system = System(tmp_path / "system", address, database, "secured", **environment(settings))  # type: ignore[arg-type]
        try:
            await system.start()
            yield system
        finally:
            system.stop()


async def test_jobs_are_done_with_tls_and_a_login(secured: System, tmp_path: Path) -> None:
    settings = secured.processes["router"].environment
    names = [name for name in settings if name.startswith("POINTSMAN_KAFKA")] + ["POINTSMAN_PREFIX"]
    pointsman = Command(tmp_path, {name: settings[name] for name in names})
    done = await pointsman.run(
        "publish",
        "--agent",
        "chat-desk",
        "--prompt",
        "What is 1 + 1?",
        "--wait",
        "--timeout",
        "120",
        "--json",
    )
    assert (done.code, done.json["type"]) == (0, "job.completed.v1"), done.err
    jobs = secured.jobs(6)
    await secured.send(list(jobs.values()))
    await secured.until_ended(list(jobs), 120)
    assert await secured.problems([done.json["job_id"], *jobs]) == []
    for process in secured.processes.values():
        assert PASSWORD not in process.log.read_text()
