"""Workers start and stop while finished jobs wait behind unfinished ones: none is repeated or lost."""

import asyncio
import signal
from collections.abc import Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.produce.bitmap import decode_metadata
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow]

GROUP = "worker.small"


async def test_jobs_finished_beyond_a_slow_one_stay_finished(system: System) -> None:
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "hang"}})
    slow = await send(system, 12, "count slowly")  # submitted first, so they hold back the committed offsets
    quick = await send(system, 100, "count")
    await system.until_ended(quick, 60)
    assert await finished_beyond(system) > 50

    await system.order_faults()  # calls in flight keep hanging, repeated ones are answered
    second = system.add("worker-small-2", "worker-small")
    await system.until(lambda: asyncio.to_thread(second.ready), 60, "a second worker")
    await end(system, "worker-small")  # its calls in flight exceed the grace period
    await system.until_ended([*slow, *quick], 60)

    assert await system.problems([*slow, *quick]) == []
    calls = (await system.provider_stats())["jobs"]
    assert {calls[job_id] for job_id in quick} == {1}
    assert {calls[job_id] for job_id in slow} == {2}  # all were abandoned in mid-call and repeated once


async def send(system: System, count: int, prompt: str) -> Sequence[str]:
    jobs = system.jobs(count, tier="small", prompt=prompt)
    await system.send(list(jobs.values()))
    return list(jobs)


async def finished_beyond(system: System) -> int:
    """The number of jobs that the group has committed as finished beyond its committed offsets."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        committed = await committed_offsets(admin, f"{system.prefix}.{GROUP}")
    finally:
        await admin.close()
    return sum(len(decode_metadata(offset, metadata)) for offset, metadata in committed.values())


async def end(system: System, name: str) -> None:
    """Stops a process, which must end normally within its grace period."""
    child = system.processes[name].child
    assert child is not None
    child.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(child.wait, 60) == 0
