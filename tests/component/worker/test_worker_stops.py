"""What ends or delays a job's work: deadline, cancellation, rebalance, and the tier's limit."""

import asyncio
from datetime import timedelta

import pytest

from pointsman.runtime.clock import utc_now
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.support.worker.routed_jobs import calls, job_id, outcome
from tests.support.worker.tiny_provider import Asked, http, never
from tests.support.worker.working import in_turn, working


async def test_no_attempt_starts_after_the_deadline() -> None:
    soon = utc_now() + timedelta(seconds=30)
    async with working(in_turn(http(429, {}, retry_after="60"))) as (tiny, worker):
        records = await worker.do(deadline=soon)
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.deadline, expired.attempts, len(tiny.asked)) == (soon, 1, 1)


async def test_a_job_that_is_only_limited_waits_for_its_deadline() -> None:
    soon = utc_now() + timedelta(seconds=2)
    async with working(in_turn(http(429, {})), attempts=2, first_wait_s=0.05, max_wait_s=0.05) as (
        tiny,
        worker,
    ):
        records = await worker.do(deadline=soon)
    assert isinstance(outcome(records), JobExpired)
    assert len(tiny.asked) > 2, "it was given up after its attempts"


async def test_a_job_without_a_deadline_does_not_wait_for_ever() -> None:
    async with working(in_turn(http(429, {})), attempts=2) as (tiny, worker):
        records = await worker.do()
    assert isinstance(outcome(records), JobFailed)
    assert len(tiny.asked) == 2


async def test_a_job_that_arrives_during_a_pause_waits_and_says_why() -> None:
    async with working(in_turn(http(429, {}, retry_after="100"), http())) as (tiny, worker):
        limited = asyncio.create_task(worker.do(1))
        while not worker.call_context.limits.available("tiny/gpt-4.1-nano"):  # noqa: ASYNC110  # once the answer is read
            await asyncio.sleep(0.001)
        records = await worker.do(2, deadline=utc_now() + timedelta(seconds=0.3))
        worker.cancellations.cancel(job_id(1), by="test")
        await limited
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.attempts, expired.limit, len(tiny.asked)) == (0, "tiny/gpt-4.1-nano paused", 1)
    assert "while it waited for tiny/gpt-4.1-nano paused" in expired.message


async def test_a_deadline_passed_before_the_start_costs_no_call() -> None:
    async with working(in_turn(http())) as (tiny, worker):
        records = await worker.do(deadline=utc_now() - timedelta(seconds=1))
    assert isinstance(outcome(records), JobExpired)
    assert (len(records), tiny.asked) == (1, [])


async def test_the_deadline_ends_a_call() -> None:
    async with working(never) as (tiny, worker):
        records = await worker.do(deadline=utc_now() + timedelta(seconds=0.3))
        await tiny.until(lambda: tiny.left == 1)
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.attempts, expired.cost_usd) == (1, None)  # it may have been charged
    (call,) = calls(records)
    assert (call.status, call.response, call.error) == (
        "expired",
        None,
        "the deadline passed during the call",
    )


async def test_a_cancelled_job_is_not_started() -> None:
    async with working(in_turn(http())) as (tiny, worker):
        worker.cancellations.cancel(job_id(1), by="on-call", reason="wrong customer")
        records = await worker.do()
    cancelled = outcome(records)
    assert isinstance(cancelled, JobCancelled)
    assert (cancelled.cancelled_by, cancelled.message, cancelled.attempts) == ("on-call", "wrong customer", 0)
    assert tiny.asked == []


async def test_cancelling_a_job_closes_its_connection() -> None:
    async with working(never) as (tiny, worker):
        working_on = asyncio.create_task(worker.do())
        await tiny.until(lambda: tiny.under_way == 1)
        worker.cancellations.cancel(job_id(2), by="on-call")  # another job: nothing happens
        worker.cancellations.cancel(job_id(1), by="on-call", reason="wrong customer")
        worker.cancellations.cancel(job_id(1), by="someone-else")
        records = await working_on
        await tiny.until(lambda: tiny.left == 1)
    cancelled = outcome(records)
    assert isinstance(cancelled, JobCancelled)
    assert (cancelled.cancelled_by, cancelled.attempts) == ("on-call", 1)
    assert [call.status for call in calls(records)] == ["cancelled"]


async def test_cancelling_a_job_that_waits_for_its_next_attempt_ends_it() -> None:
    async with working(in_turn(http(429, {}, retry_after="100"))) as (tiny, worker):
        working_on = asyncio.create_task(worker.do())
        await tiny.until(lambda: len(tiny.asked) == 1 and tiny.under_way == 0)
        worker.cancellations.cancel(job_id(1), by="on-call")
        records = await working_on
    assert isinstance(outcome(records), JobCancelled)
    assert [call.status for call in calls(records)] in (["cancelled"], ["retry"])


async def test_a_job_returned_to_the_queue_has_no_outcome() -> None:
    """The lane cancels the task. An outcome here would duplicate that of the next owner."""
    async with working(never) as (tiny, worker):
        working_on = asyncio.create_task(worker.do(deadline=utc_now() + timedelta(hours=1)))
        await tiny.until(lambda: tiny.under_way == 1)
        working_on.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working_on
        assert working_on.cancelled()
        await tiny.until(lambda: tiny.left == 1)


async def test_a_provider_that_is_too_slow_times_out() -> None:
    async with working(in_turn(never, http()), row={"timeout_s": 0.2}) as (tiny, worker):
        failed, done = calls(await worker.do())
        await tiny.until(lambda: tiny.left == 1)
    assert (failed.status, failed.error_type, done.status) == ("retry", FailReason.TIMEOUT, "ok")
    assert failed.error == "tiny did not answer within 0.2 s (its timeout_s in providers.yaml)"
    assert failed.cost_usd is None


async def test_calls_in_flight_are_limited_by_the_tier() -> None:
    released = asyncio.Event()

    async def when_released(asked: Asked) -> bytes:
        await released.wait()
        return http()

    async with working(when_released, max_in_flight=3) as (tiny, worker):
        jobs = [asyncio.create_task(worker.do(number)) for number in range(1, 11)]
        await tiny.until(lambda: tiny.under_way == 3)
        released.set()
        ended = [outcome(records) for records in await asyncio.gather(*jobs)]
    assert all(isinstance(ending, JobCompleted) for ending in ended)
    assert (len(tiny.asked), tiny.most_under_way) == (10, 3)


async def test_a_stopping_worker_starts_no_call_and_returns_waiting_jobs() -> None:
    released = asyncio.Event()

    async def when_released(asked: Asked) -> bytes:
        await released.wait()
        return http()

    async with working(when_released, max_in_flight=1) as (tiny, worker):
        under_way = asyncio.create_task(worker.do(1))
        await tiny.until(lambda: tiny.under_way == 1)
        waiting = [asyncio.create_task(worker.do(number)) for number in (2, 3)]
        worker.handler.close()
        released.set()
        assert isinstance(outcome(await under_way), JobCompleted)
        await asyncio.wait(waiting)
    assert all(task.cancelled() for task in waiting)
    assert len(tiny.asked) == 1


async def test_a_job_that_waits_for_a_retry_does_not_block_others() -> None:
    def respond(asked: Asked) -> bytes:
        return http(500) if "question 1" in asked.body.decode() else http()

    async with working(respond, max_in_flight=1, first_wait_s=1000, max_wait_s=1000) as (tiny, worker):
        waiting = asyncio.create_task(worker.do(1))
        await tiny.until(lambda: len(tiny.asked) == 1 and tiny.under_way == 0)
        assert isinstance(outcome(await worker.do(2)), JobCompleted)
        assert not waiting.done()
        worker.cancellations.cancel(job_id(1), by="test")
        await waiting
