"""The client, the documentation's examples, cancellation and health checks."""

import asyncio
import os
import re
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from pointsman import Client
from pointsman.client import InvalidJobError, OutcomeTimeoutError
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobRejected
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SAMPLES = (
    r'pointsman_jobs_routed_total{rule="[a-z-]+",tier="small"} 1\.0',
    r'pointsman_jobs_finished_total{outcome="completed",.*tier="small"} 1\.0',
    r'pointsman_call_seconds_count{.*status="ok".*} 1\.0',
    r'pointsman_cost_usd_total{.*tier="small"} [0-9.e-]*[1-9]',
    r'pointsman_calls_in_flight{.*tier="small"} 0\.0',
    r"pointsman_audit_delay_seconds_count [1-9]",
    r"pointsman_decision_seconds_count 1\.0",
    r"pointsman_hop_seconds_count{topic=",
    r"pointsman_lane_lag_records{",
    r"pointsman_lane_oldest_seconds{",
)


def client_of(system: System) -> Client:
    return Client(kafka=system.bootstrap, prefix=system.prefix, agent_id="chat-desk")


async def test_what_an_agent_can_do(system: System) -> None:
    await system.order_faults({"prompt": "never", "effect": {"kind": "hang"}})
    async with client_of(system) as client:
        done = await client.submit(prompt="Hello", kind="chat", temperature=0.1)
        assert isinstance(done, JobCompleted)
        assert done.tier == "small"
        assert done.cost_usd

        ids = await client.publish_many([{"prompt": f"{n} + {n}?", "kind": "math"} for n in range(20)])
        ended = [outcome async for outcome in client.outcomes(ids)]
        assert {outcome.job_id for outcome in ended} == set(ids)
        assert {outcome.tier for outcome in ended} == {"medium"}

        rejected = await client.submit(prompt="Hello", tier="gigantic")
        assert isinstance(rejected, JobRejected)
        assert "gigantic" in rejected.message

        with pytest.raises(InvalidJobError, match="prompt"):
            await client.submit(prompt="  ")

        late = await client.submit(prompt="never", tier="small", deadline=timedelta(seconds=2))
        assert isinstance(late, JobExpired)

        job_id = await client.publish(prompt="never ever", tier="small")
        with pytest.raises(OutcomeTimeoutError, match=str(job_id)):
            await client.wait(job_id, timeout_s=1)
        await client.cancel(job_id, "changed my mind")
        cancelled = await client.wait(job_id, timeout_s=120)
        assert isinstance(cancelled, JobCancelled)
        assert cancelled.cancelled_by == "chat-desk"

        async with client_of(system) as later:
            assert await later.wait(done.job_id, timeout_s=60) == done  # ended before this client connected

        twice = str(uuid4())
        first = await client.submit(job_id=twice, prompt="Hello")
        await client.publish(job_id=twice, prompt="Hello")
    submitted = [str(outcome.job_id) for outcome in (done, *ended, rejected, late, cancelled, first)]
    assert await system.problems(submitted) == []


async def test_the_examples_run(system: System) -> None:
    environment = {**os.environ, "POINTSMAN_KAFKA": system.bootstrap, "POINTSMAN_PREFIX": system.prefix}
    for name in ("bare_kafka.py", "agent.py"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, EXAMPLES / name, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, f"{name}: {err.decode()}"
        assert "small" in out.decode(), name


async def test_every_service_serves_health_and_metrics(system: System) -> None:
    async with client_of(system) as client:
        await client.submit(prompt="Hello", kind="chat")

    services = [process for name, process in system.processes.items() if name != "simulator"]
    for service in services:
        assert '"alive":true' in await asyncio.to_thread(read, f"{service.url}/healthz")
        assert '"ready":true' in await asyncio.to_thread(read, f"{service.url}/readyz")
    missing = ["all"]

    async def all_measured() -> bool:
        texts = [await asyncio.to_thread(read, f"{service.url}/metrics") for service in services]
        missing[:] = [sample for sample in SAMPLES if not re.search(sample, "".join(texts))]
        return not missing

    try:
        await system.until(all_measured, 60, "every metric")  # some are measured every 2 s
    finally:
        assert not missing


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())
