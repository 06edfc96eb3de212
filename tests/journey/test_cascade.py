"""A cascade in the whole system while its cheap worker is killed: one outcome, all costs recorded."""

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kafka
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]

POLICY = """\
name: by-model
tiers: [small, medium, frontier]
default: {tier: cascade, reason: A model judges whether the answer suffices.}
cascade: {tiers: [small, medium, frontier], accept: model, model: builtin, quality: 0.99}
"""
#: Accepted on medium; needs frontier; no answer to compare.
PROMPTS = ("How many? [say:42]", "How many? [say small:41][say medium:42][say:43]", "Well? [say small: ]")


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    (tmp_path / "policy.yaml").write_text(POLICY)
    policy = str(tmp_path / "policy.yaml")
    started = System(tmp_path, kafka.bootstrap, database, kafka.prefix, POINTSMAN_POLICY=policy)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


async def test_a_cascade_has_one_outcome_while_workers_are_killed(system: System) -> None:
    await system.order_faults({"effect": {"kind": "latency", "ms": 200, "sigma": 1.0}})
    chance = random.Random(5)
    jobs: list[str] = []
    for number in range(24):
        made = system.jobs(12, prompt=PROMPTS[number % 3], tier=None)
        jobs += made
        await system.send(list(made.values()))
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        if number % 4 == 3:
            victim = ("worker-small", "worker-medium")[number % 8 == 7]
            system.kill(victim)
            system.processes[victim].start()
    await system.until_ended(jobs, 120)
    assert await system.problems(jobs) == []
    ended = await system.fetch(
        "select payload ->> 'tier' as tier, payload -> 'cascade' as steps, job_id,"
        " (payload ->> 'cost_usd')::numeric as cost, (payload ->> 'attempts')::int as attempts"
        " from audit.message where kind = 'job.completed.v1'"
    )
    assert {row["tier"] for row in ended} == {"medium", "frontier"}
    called: dict[Any, tuple[Decimal, int]] = {
        row["job_id"]: (row["cost"], row["calls"])
        for row in await system.fetch(
            "select job_id, sum(cost_usd) as cost, count(*) as calls from audit.calls group by job_id"
        )
    }
    assert {row["job_id"]: (row["cost"], row["attempts"]) for row in ended} == called
