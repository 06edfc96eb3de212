"""Hedging: a second call if the first is slow, one outcome, both recorded, within the configured share."""

import asyncio
from datetime import timedelta
from typing import Any

from pointsman.runtime.clock import utc_now
from pointsman.worker.calls.call_context import target
from pointsman.worker.calls.prices import Prices
from pointsman_schemas.outcomes import JobCompleted, JobExpired, JobFailed
from tests.support.worker.routed_jobs import calls, job_id, outcome
from tests.support.worker.tiny_provider import ANSWER, http, never, tiny_provider
from tests.support.worker.working import MODEL, in_turn, provider_of, working

HEDGE: dict[str, Any] = {"hedge": {"after_s": 0.05}}
#: A call costs at most $0.00031, and $0.0003 by the tiny provider's usage.
LONG = {"messages": [{"role": "user", "content": "x" * 1_000}], "max_tokens": 500}


async def test_the_first_answer_wins_and_both_calls_are_on_record() -> None:
    async with working(in_turn(never, http()), **HEDGE) as (tiny, worker):
        records = await worker.do()
        await tiny.until(lambda: tiny.left == 1)
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    assert (done.attempts, done.cost_usd) == (2, None), "nobody knows what the other call cost"
    assert [(call.attempt, call.status, call.error) for call in calls(records)] == [
        (2, "ok", None),
        (1, "cancelled", "another call answered first"),
    ]


async def test_a_hedge_counts_the_first_calls_maximum_cost_against_the_jobs_limit() -> None:
    async with working(never, usd_per_job="0.0005", **HEDGE) as (_, worker):
        records = await worker.do(deadline=utc_now() + timedelta(seconds=0.5), **LONG)
    assert isinstance(outcome(records), JobExpired)
    assert [call.attempt for call in calls(records)] == [1], "two calls may cost more than the limit"


async def test_a_hedge_that_the_jobs_limit_refuses_uses_up_nothing_of_the_share() -> None:
    """There may be one hedge a minute: the second job gets it."""
    hedging = {"hedge": {"after_s": 0.05, "share": 0.001, "floor": 0}}
    async with working(in_turn(never, never, http()), usd_per_job="0.0005", **hedging) as (_, worker):
        await worker.do(1, deadline=utc_now() + timedelta(seconds=0.5), **LONG)
        async with asyncio.timeout(20):
            done = outcome(await worker.do(2, max_tokens=1))
    assert isinstance(done, JobCompleted)
    assert done.attempts == 2


async def test_a_cancelled_calls_maximum_cost_counts_against_the_jobs_limit() -> None:
    empty = {**ANSWER, "choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]}
    async with (
        tiny_provider(in_turn(http(200, empty))) as second,
        provider_of(second, name="second") as other,
        working(
            in_turn(never, http()),
            fallback=[target(other, Prices("openai"), MODEL)],
            usd_per_job="0.0007",
            **HEDGE,
        ) as (tiny, worker),
    ):
        failed = outcome(await worker.do(**LONG))
    assert isinstance(failed, JobFailed)
    assert (failed.limit, failed.attempts, len(tiny.asked)) == ("usd_per_job", 2, 1)


async def test_the_second_call_goes_to_the_next_provider() -> None:
    async with (
        tiny_provider(in_turn(http())) as second,
        provider_of(second, name="second") as other,
        working(never, fallback=[target(other, Prices("openai"), MODEL)], **HEDGE) as (_, worker),
    ):
        records = await worker.do()
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    assert done.provider == "second"
    assert [(call.provider, call.status) for call in calls(records)] == [
        ("second", "ok"),
        ("tiny", "cancelled"),
    ]


async def test_a_fast_answer_needs_no_second_call() -> None:
    async with working(in_turn(http()), hedge={"after_s": 60}) as (tiny, worker):
        records = await worker.do()
    assert (len(tiny.asked), len(calls(records))) == (1, 1)


async def test_a_second_call_that_fails_does_not_end_the_first() -> None:
    answer = asyncio.Event()

    async def slow(asked: object) -> bytes:
        await answer.wait()
        return http()

    def fails(asked: object) -> bytes:
        answer.set()
        return http(500)

    async with working(in_turn(slow, fails), attempts=2, **HEDGE) as (_, worker):
        records = await worker.do()
    assert isinstance(outcome(records), JobCompleted)
    assert sorted((call.attempt, call.status) for call in calls(records)) in (
        [(1, "ok"), (2, "retry")],
        [(1, "ok"), (2, "cancelled")],
    )


async def test_two_failures_are_two_attempts() -> None:
    failed_first = asyncio.Event()

    async def fails_late(asked: object) -> bytes:
        await failed_first.wait()
        return http(500)

    def fails(asked: object) -> bytes:
        failed_first.set()
        return http(500)

    async with working(in_turn(fails_late, fails), attempts=2, **HEDGE) as (tiny, worker):
        records = await worker.do()
    assert isinstance(outcome(records), JobFailed)
    assert sorted((call.attempt, call.status) for call in calls(records)) == [(1, "retry"), (2, "retry")]
    assert len(tiny.asked) == 2


async def test_second_calls_keep_to_their_share() -> None:
    few = {"hedge": {"after_s": 0.02, "share": 0.1, "floor": 1}}
    async with working(never, **few) as (tiny, worker):
        jobs = [asyncio.create_task(worker.do(number)) for number in range(1, 21)]
        await tiny.until(lambda: len(tiny.asked) > 20)
        for number in range(1, 21):
            worker.cancellations.cancel(job_id(number), by="test")
        made = [len(calls(records)) for records in await asyncio.gather(*jobs)]
    assert 20 < sum(made) <= 20 + 1 + 2, "one, and a tenth of the calls"


async def test_the_deadline_ends_both_calls() -> None:
    async with working(never, **HEDGE) as (tiny, worker):
        records = await worker.do(deadline=utc_now() + timedelta(seconds=0.5))
        await tiny.until(lambda: tiny.left == 2)
    assert isinstance(outcome(records), JobExpired)
    assert [(call.attempt, call.status) for call in calls(records)] == [(1, "expired"), (2, "expired")]
