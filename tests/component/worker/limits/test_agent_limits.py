"""An agent's limits: money per day and job, and jobs per minute. Changes apply to the next call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.worker.limits.agent_limits import Entries
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.outcomes import JobCompleted, JobFailed, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics
from tests.component.worker.limits.test_limits_race import Callers, arrivals
from tests.conftest import Kafka
from tests.support.worker.routed_jobs import AGENT, outcome
from tests.support.worker.sharing import agreements
from tests.support.worker.tiny_provider import Tiny, http
from tests.support.worker.working import Worker, in_turn, working

pytestmark = pytest.mark.stack

#: At most $0.00031; it costs $0.0003.
LONG = {"messages": [{"role": "user", "content": "x" * 1_000}], "max_tokens": 500}


def allowing(**entry: Any) -> tuple[dict[str, AgentEntry], Entries]:
    """A registry with one agent, and its limits."""
    agents = {AGENT: AgentEntry.model_validate({"id": AGENT, "owner": "x", **entry})}
    return agents, agents.get


@asynccontextmanager
async def limited(
    kafka: Kafka, entries: Callable[[str], AgentEntry | None], *answers: bytes, **tier: Any
) -> AsyncIterator[tuple[Tiny, Worker]]:
    async with (
        agreements(kafka, "one") as (shared,),
        working(in_turn(*answers or (http(),)), shared_limits=shared, entries=entries, **tier) as (
            tiny,
            worker,
        ),
    ):
        yield tiny, worker


async def test_a_spent_daily_budget_rejects_the_agents_next_job(kafka: Kafka) -> None:
    agents, entries = allowing(budget={"usd_per_day": 0.0005})
    async with limited(kafka, entries) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1, **LONG)), JobCompleted)
        rejected = outcome(await worker.do(2, **LONG))
        assert isinstance(rejected, JobRejected)
        assert (rejected.reason, rejected.limit) == (Reason.OVER_BUDGET, f"agent {AGENT} usd")
        assert (rejected.attempts, rejected.cost_usd, len(tiny.asked)) == (0, 0, 1)
        agents[AGENT] = allowing(budget={"usd_per_day": 0.001})[0][AGENT]
        assert isinstance(outcome(await worker.do(3, **LONG)), JobCompleted), "what is applied is in force"


async def test_a_jobs_budget_covers_all_its_calls(kafka: Kafka) -> None:
    _, entries = allowing(budget={"usd_per_job": 0.0005})
    async with limited(kafka, entries, http()[:-9], http()) as (tiny, worker):
        failed = outcome(await worker.do(1, **LONG))
        assert isinstance(failed, JobFailed)
        assert (failed.limit, len(tiny.asked)) == ("usd_per_job", 1), "the first call counts at its most"
        assert failed.attempts == 1, "a job that was called for fails"
        assert isinstance(outcome(await worker.do(2, **LONG)), JobCompleted)


async def test_a_job_that_may_exceed_its_budget_is_rejected(kafka: Kafka) -> None:
    _, entries = allowing(budget={"usd_per_job": 0.0003})
    async with limited(kafka, entries) as (tiny, worker):
        rejected = outcome(await worker.do(1, **LONG))
        assert isinstance(rejected, JobRejected)
        assert (rejected.reason, rejected.limit) == (Reason.OVER_BUDGET, "usd_per_job")
        assert "(usd_per_job is $0.0003)" in rejected.message
        assert tiny.asked == []


async def test_jobs_beyond_the_rate_are_refused_where_the_entry_says_so(kafka: Kafka) -> None:
    agents, entries = allowing(jobs_per_minute=2, over_rate="reject")
    async with limited(kafka, entries, http(500), http()) as (tiny, worker):
        ended = [outcome(await worker.do(number)) for number in (1, 2, 3)]
        assert [type(end) for end in ended] == [JobCompleted, JobCompleted, JobRejected]
        assert getattr(ended[2], "reason", None) == Reason.OVER_RATE
        assert getattr(ended[2], "limit", None) == f"agent {AGENT} jobs"
        assert len(tiny.asked) == 3, "a second call for the same job is no second job"
        agents[AGENT] = allowing(jobs_per_minute=3, over_rate="reject")[0][AGENT]
        assert isinstance(outcome(await worker.do(4)), JobCompleted)


async def test_jobs_beyond_the_rate_wait(kafka: Kafka) -> None:
    agents, entries = allowing(jobs_per_minute=1)
    async with limited(kafka, entries) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1)), JobCompleted)
        second = asyncio.create_task(worker.do(2))
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert (len(done), len(tiny.asked)) == (0, 1)
        agents[AGENT] = allowing(jobs_per_minute=3)[0][AGENT]
        assert isinstance(outcome(await worker.do(3)), JobCompleted)
        assert isinstance(outcome(await second), JobCompleted), "who waited has room by the new rate, too"


async def test_waiting_jobs_of_one_agent_do_not_block_the_lane(kafka: Kafka) -> None:
    _, entries = allowing(jobs_per_minute=1)
    async with limited(kafka, entries, window=8) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1)), JobCompleted)
        waiting = [asyncio.create_task(worker.do(number)) for number in (2, 3)]
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
        refused = outcome(await worker.do(4))
        assert isinstance(refused, JobRejected)
        assert refused.limit == f"agent {AGENT} jobs"
        assert "2 calls wait for it already" in refused.message
        assert len(tiny.asked) == 1
        for task in waiting:
            task.cancel()


async def test_eight_processes_share_an_agents_daily_budget(kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).limits])
    day = LimitDeclared(process="t", budget="agent a usd", limit=1_000, window_s=None, refuses=True)
    async with arrivals(answer_after_s=0.05) as recorder:
        callers = Callers(
            kafka, recorder.port, [day], calls=12, wants={day.budget: 100}, used={day.budget: 17}, late=True
        )
        for number in range(8):
            await callers.start(f"p{number}")
        async with asyncio.timeout(200):
            await callers.ended()
    spent = sum(call[day.budget] for _, call in recorder.calls)
    assert day.limit - 100 < spent <= day.limit
