"""A provider with a quota never refuses if its limits are configured; otherwise its headers delay calls."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.dev.simulator.quotas import Quota
from pointsman.dev.simulator.settings import SimulatorSettings
from pointsman.worker.limits.shared_limits import SharedLimits
from tests.conftest import Kafka
from tests.support.running.simulated import serving
from tests.support.worker.alone import alone
from tests.support.worker.routed_jobs import calls
from tests.support.worker.sharing import agreements
from tests.support.worker.working import MODEL, Worker, provider_of

QUOTA = {MODEL: Quota(requests=4, per_s=1)}


@asynccontextmanager
async def quota_kept(*shared: SharedLimits, slots: int, **row: Any) -> AsyncIterator[list[Worker]]:
    """Workers and the simulated provider, which answers at once within its quota."""
    quick = SimulatorSettings(latency_ms={MODEL: 0}, jitter=0, quotas=QUOTA)
    async with serving(quick) as url, provider_of(url, **row) as provider:
        yield [Worker(provider, shared_limits=limits, max_in_flight=slots, attempts=10) for limits in shared]


def statuses(done: list[list[Outgoing]]) -> Counter[int | None]:
    return Counter(call.http_status for records in done for call in calls(records))


async def test_rate_limit_headers_delay_calls() -> None:
    async with quota_kept(alone(), slots=1) as (worker,):
        done = await asyncio.gather(*(worker.do(number) for number in range(1, 11)))
    assert statuses(done) == {200: 10}


@pytest.mark.stack
async def test_with_the_limits_in_the_file_nobody_is_refused(kafka: Kafka) -> None:
    limits = {MODEL: {"requests": 4, "per_s": 1}}
    async with (
        agreements(kafka, "one", "other") as shared,
        quota_kept(*shared, slots=10, limits=limits) as workers,
    ):
        jobs = [
            worker.do(place * 5 + number) for place, worker in enumerate(workers) for number in range(1, 6)
        ]
        done = await asyncio.gather(*jobs)
    assert statuses(done) == {200: 10}
