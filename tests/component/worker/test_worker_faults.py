"""A hundred jobs against the simulated provider with every fault."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2

from pointsman.dev.simulator import SimulatorSettings
from pointsman.runtime.clock import utc_now
from pointsman_schemas.outcomes import JobCompleted, JobExpired, JobFailed
from tests.support.running.simulated import serving
from tests.support.worker.routed_jobs import AGENT, calls, job_id, outcome
from tests.support.worker.working import Worker, provider_of


async def test_under_every_kind_of_fault_each_job_ends_once_and_each_call_is_written_down() -> None:
    """The simulated provider's own counts must agree with the recorded calls."""
    faults = [  # by the question's first digit, each for its first calls only
        {"prompt": "question 17", "effect": {"kind": "content_filter"}},
        {"prompt": "question 19", "effect": {"kind": "hang"}},
        {"prompt": "question 2", "first": 3, "effect": {"kind": "rate_limit", "retry_after_s": 0.001}},
        {"prompt": "question 3", "first": 1, "effect": {"kind": "server_error", "status": 503}},
        {"prompt": "question 4", "first": 2, "effect": {"kind": "malformed"}},
        {"prompt": "question 5", "first": 1, "effect": {"kind": "empty_choices"}},
        {"prompt": "question 6", "first": 2, "effect": {"kind": "cut"}},
        {"prompt": "question 7", "first": 4, "effect": {"kind": "server_error"}},
    ]
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}, "faults": faults, "keep": 1000})
    async with serving(settings) as url, provider_of(url, trace_headers=True) as provider:
        worker = Worker(provider, max_in_flight=16, attempts=4, retries={"floor": 1000})
        soon = utc_now() + timedelta(seconds=10)
        jobs = [worker.do(number, deadline=soon if number == 19 else None) for number in range(1, 101)]
        ended = await asyncio.gather(*jobs)
        stats = await _get(url, "/_sim/stats")
    outcomes = [outcome(records) for records in ended]
    assert {outcome.job_id for outcome in outcomes} == {job_id(n) for n in range(1, 101)}  # type: ignore[attr-defined]
    kinds: dict[int, type] = {
        n: type(ending) for n, ending in enumerate(outcomes, 1) if not isinstance(ending, JobCompleted)
    }
    sevens: dict[int, type] = dict.fromkeys(
        [7, *range(70, 80)], JobFailed
    )  # these still fail after four calls
    assert kinds == {17: JobFailed, 19: JobExpired, **sevens}
    made = {str(job_id(n)): len(calls(records)) for n, records in enumerate(ended, 1)}
    assert made == stats["jobs"]
    assert stats["agents"] == {AGENT: sum(made.values())}
    assert stats["max_in_flight"] <= 16
    assert {call.status for records in ended for call in calls(records)} == {
        "ok",
        "retry",
        "reject",
        "expired",
    }


async def _get(url: str, path: str) -> Any:
    async with httpx2.AsyncClient() as client:
        return (await client.get(url.removesuffix("/v1") + path)).json()
