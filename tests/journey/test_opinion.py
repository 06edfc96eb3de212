"""Undecided jobs in the whole system while the process that gives second opinions is killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.support.router.asking_policy import asking_policy
from tests.support.running.command import Command
from tests.support.running.system import System

pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    (tmp_path / "policy.yaml").write_text(asking_policy(wait_s=300))
    policy = str(tmp_path / "policy.yaml")
    started = System(tmp_path, kafka.bootstrap, database, kafka.prefix, opinion=True, POINTSMAN_POLICY=policy)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


async def test_an_undecided_job_is_decided_once_while_its_service_is_killed(
    system: System, tmp_path: Path
) -> None:
    chance = random.Random(3)
    jobs: list[str] = []
    for place in range(12):
        prompt = f"A train runs {50 + place} miles in an hour. How many miles does it run in a day?"
        made = system.jobs(12, prompt=prompt, tier=None)
        jobs += made
        await system.send(list(made.values()))
        await asyncio.sleep(chance.uniform(0.1, 0.5))
        if place % 3 == 2:
            system.kill("opinion")
            system.processes["opinion"].start()
    await system.until_ended(jobs, 120)
    assert await system.problems(jobs) == []
    ((asked,),) = await system.fetch(
        "select count(distinct job_id) from audit.message where kind = 'job.undecided.v1'"
    )
    ((recorded,),) = await system.fetch(
        "select count(*) from audit.message where payload #> '{decision,opinion}' is not null"
    )
    ((promised,),) = await system.fetch(
        "select count(*) from audit.message where kind = 'job.completed.v1' and payload ? 'score'"
    )
    assert asked == recorded == promised == len(jobs)
    ((waited,),) = await system.fetch(
        "select count(distinct job_id) from audit.stages where stage = 'waiting for a second opinion'"
    )
    assert waited == len(jobs)
    pointsman = Command(tmp_path, {"POINTSMAN_POSTGRES": system.dsn})
    again = await pointsman.run("why", jobs[0], "--recompute")
    assert again.code == 0, again.out + again.err
    assert "the same" in again.lines[-1]
