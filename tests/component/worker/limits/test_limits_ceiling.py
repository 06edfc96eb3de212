"""Spending limits: reserved before a call, settled after it; beyond them, calls are refused or wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointsman.runtime.clock import utc_now
from pointsman.worker.limits.ceilings import Ceiling, billionths, bounded, most_tokens
from pointsman_schemas.outcomes import JobCompleted, JobExpired, JobFailed
from tests.conftest import Kafka
from tests.support.worker.routed_jobs import AGENT, calls, outcome
from tests.support.worker.sharing import agreements
from tests.support.worker.tiny_provider import ANSWER, Tiny, http
from tests.support.worker.working import Worker, in_turn, working

#: A call may use 1,000 input tokens, as the tiny provider reports: at most $0.00031; it costs $0.0003.
LONG = {"messages": [{"role": "user", "content": "x" * 1_000}], "max_tokens": 500}
DAY = Ceiling(name="day", usd_per_day=Decimal("0.0005"))


@asynccontextmanager
async def spending(
    kafka: Kafka, ceiling: Ceiling, *answers: bytes, **tier: Any
) -> AsyncIterator[tuple[Tiny, Worker]]:
    async with (
        agreements(kafka, "one") as (shared,),
        working(in_turn(*answers or (http(),)), shared_limits=shared, ceilings=[ceiling], **tier) as (
            tiny,
            worker,
        ),
    ):
        yield tiny, worker


@pytest.mark.stack
async def test_a_spent_daily_limit_fails_a_job_with_the_reason(kafka: Kafka) -> None:
    async with spending(kafka, DAY) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1, **LONG)), JobCompleted)
        failed = outcome(await worker.do(2, **LONG))
    assert isinstance(failed, JobFailed)
    assert (failed.limit, failed.attempts, len(tiny.asked)) == ("day usd", 0, 1)
    assert failed.message == "day usd has no room for it -- calls made: 0"


@pytest.mark.stack
async def test_a_call_that_cost_nothing_gives_its_money_back(kafka: Kafka) -> None:
    async with spending(kafka, DAY, http(500), http(500), http()) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1, **LONG)), JobCompleted)
    assert len(tiny.asked) == 3


@pytest.mark.stack
async def test_an_interrupted_call_stays_charged(kafka: Kafka) -> None:
    async with spending(kafka, DAY, http()[:-9], http(), attempts=1) as (tiny, worker):
        assert isinstance(outcome(await worker.do(1, **LONG)), JobFailed)
        second = outcome(await worker.do(2, **LONG))
    assert isinstance(second, JobFailed)
    assert (second.limit, len(tiny.asked)) == ("day usd", 1), "what it cost is not known"


@pytest.mark.stack
async def test_a_spent_daily_limit_can_make_jobs_wait(kafka: Kafka) -> None:
    async with spending(kafka, DAY.model_copy(update={"when_spent": "wait"})) as (tiny, worker):
        await worker.do(1, **LONG)
        expired = outcome(await worker.do(2, deadline=utc_now() + timedelta(seconds=0.5), **LONG))
    assert isinstance(expired, JobExpired)
    assert (expired.limit, len(tiny.asked)) == ("day usd", 1)


@pytest.mark.stack
@pytest.mark.parametrize(("agent", "held"), [(AGENT, True), ("somebody-else", False)])
async def test_an_agents_ceiling_applies_to_that_agent_only(kafka: Kafka, agent: str, held: bool) -> None:
    async with spending(kafka, DAY.model_copy(update={"agents": (agent,)})) as (_, worker):
        ended = [outcome(await worker.do(number, **LONG)) for number in (1, 2)]
    assert isinstance(ended[1], JobFailed) is held


@pytest.mark.stack
async def test_without_a_price_there_is_no_call(kafka: Kafka) -> None:
    async with spending(kafka, DAY, model="nobodys-7b") as (tiny, worker):
        failed = outcome(await worker.do(1, **LONG))
    assert isinstance(failed, JobFailed)
    assert (failed.limit, tiny.asked) == ("unknown price", [])
    assert "the price of nobodys-7b is not known, so no ceiling can be kept" in failed.message


@pytest.mark.stack
async def test_a_job_without_a_token_limit_gets_one(kafka: Kafka) -> None:
    roomy = DAY.model_copy(update={"usd_per_day": Decimal(1)})
    async with spending(kafka, roomy, answer_tokens=700) as (tiny, worker):
        await worker.do(1)
        await worker.do(2, max_tokens=5)
    assert [asked.json.get("max_completion_tokens") for asked in tiny.asked] == [700, None]
    assert tiny.asked[1].json["max_tokens"] == 5


async def test_a_job_has_a_ceiling_of_its_own() -> None:
    without_answer = http(200, {**ANSWER, "choices": []})
    async with working(in_turn(without_answer), usd_per_job="0.0007", attempts=9) as (tiny, worker):
        records = await worker.do(1, **LONG)
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.limit, len(tiny.asked), failed.cost_usd) == ("usd_per_job", 2, Decimal("0.0006"))
    assert [call.cost_usd for call in calls(records)] == [Decimal("0.0003")] * 2


async def test_jobs_of_one_process_do_not_share_a_jobs_ceiling() -> None:
    async with working(in_turn(http()), usd_per_job="0.0004") as (_, worker):
        ended = await asyncio.gather(*(worker.do(number, **LONG) for number in range(1, 6)))
    assert all(isinstance(outcome(records), JobCompleted) for records in ended)


def test_highest_cost_of_a_call() -> None:
    request = bounded({"messages": [{"role": "user", "content": "日本語"}], "n": 3}, 10)
    most = most_tokens(request)
    assert most.output_tokens == 30
    assert most.input_tokens > len("日本語".encode())


def test_costs_are_rounded_up() -> None:
    assert billionths(Decimal("0.0000000001")) == 1
    assert billionths(Decimal("1.5")) == 1_500_000_000
    assert billionths(Decimal(0)) == 0
