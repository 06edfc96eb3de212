"""Shadow jobs in the whole system: done, audited and charged separately, invisible to the caller."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from pointsman import Client
from pointsman.router.shadow import AGENT
from pointsman_schemas.outcomes import JobCompleted
from tests.conftest import Kafka
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

POLICY = """\
name: shadowed
tiers: [small, medium, frontier]
default: {tier: frontier, reason: All.}
shadow: {share: 1, tiers: [small], jobs_per_hour: 1000}
"""


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    started = System(tmp_path, kafka.bootstrap, database, kafka.prefix, POINTSMAN_POLICY=str(policy))
    try:
        await started.start()
        yield started
    finally:
        started.stop()


async def test_the_caller_gets_one_answer_and_each_shadow_is_charged(system: System) -> None:
    async with Client(kafka=system.bootstrap, prefix=system.prefix, agent_id="chat-desk") as client:
        jobs = await client.publish_many([{"prompt": f"{n} + {n}?"} for n in range(10)])
        answers = [outcome async for outcome in client.outcomes(jobs)]
    assert [type(outcome) for outcome in answers] == [JobCompleted] * 10
    assert {outcome.tier for outcome in answers} == {"frontier"}

    connection = await asyncpg.connect(system.dsn)
    try:

        async def all_on_record() -> bool:
            # A job's call and its outcome are on different topics: either may be on record first.
            jobs_done = "select count(*) from audit.jobs where state = 'completed' and calls > 0"
            return bool(await connection.fetchval(jobs_done) == 20)

        await system.until(all_on_record, 60, "10 jobs and 10 shadows on record, each with its call")
        shadows = await connection.fetch("select * from audit.jobs where agent_id = $1", AGENT)
        own = await connection.fetch("select * from audit.jobs where job_id = any($1)", jobs)
    finally:
        await connection.close()
    assert {row["tier"] for row in shadows} == {"small"}
    assert all(row["cost_usd"] > 0 for row in shadows)
    assert {row["job_id"] for row in shadows}.isdisjoint(jobs)
    assert [(row["tier"], row["calls"]) for row in own] == [("frontier", 1)] * 10, "a shadow is not its job's"
    assert await system.problems([*map(str, jobs), *(str(row["job_id"]) for row in shadows)]) == []
