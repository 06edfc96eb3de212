"""A target that is paused or has no capacity in time is replaced by a fallback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.runtime.clock import utc_now
from pointsman.worker.calls.call_context import target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.outcomes import JobCompleted, JobExpired
from tests.conftest import Kafka
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.sharing import agreements
from tests.support.worker.tiny_provider import Respond, Tiny, http, tiny_provider
from tests.support.worker.working import MODEL, Worker, in_turn, provider_of, working

TARGET = f"tiny/{MODEL}"
QUOTA = {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}


@asynccontextmanager
async def two_targets(
    first: Respond, second: Respond, *, shared_limits: SharedLimits | None = None, **tier: Any
) -> AsyncIterator[tuple[Tiny, Tiny, Worker]]:
    async with (
        tiny_provider(second) as other,
        provider_of(other, name="second") as provider,
        working(
            first,
            fallback=[target(provider, Prices("openai"), MODEL)],
            shared_limits=shared_limits,
            **{"attempts": 2, **tier},
        ) as (tiny, worker),
    ):
        yield tiny, other, worker


def in_time(seconds: float = 3600) -> Any:
    return utc_now() + timedelta(seconds=seconds)


def answered_by(records: list[Outgoing]) -> str:
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    return done.provider


@pytest.mark.parametrize("deadline", [None, 20, 3600])
@pytest.mark.parametrize(
    "refusal",
    [
        http(429, QUOTA),
        http(429, {}, retry_after="100"),
        http(429, {}, retry_after_ms="100000"),
        http(429, {}, retry_after="1e306"),
        http(503, {}, retry_after="100"),
    ],
    ids=["quota", "retry-after", "milliseconds", "absurd", "overloaded"],
)
async def test_a_target_that_asks_for_a_pause_delays_nobody(refusal: bytes, deadline: float | None) -> None:
    """The row has waits of an hour and more; if one were observed, the test would never end."""
    slow: dict[str, Any] = {"first_wait_s": 3600, "max_wait_s": 3600}
    async with two_targets(in_turn(refusal), in_turn(http()), **slow) as (tiny, _, worker):
        async with asyncio.timeout(60):
            records = await worker.do(deadline=None if deadline is None else in_time(deadline))
    assert answered_by(records) == "second"
    assert len(tiny.asked) == 1
    assert [call.retry_after_s for call in calls(records)] == [None, None]


async def test_a_target_that_is_paused_is_not_waited_for() -> None:
    async with two_targets(in_turn(http()), in_turn(http())) as (tiny, _, worker):
        worker.pause(TARGET, 3000)
        async with asyncio.timeout(60):
            assert answered_by(await worker.do(1, deadline=in_time())) == "second"
            assert answered_by(await worker.do(2)) == "second"
        assert not tiny.asked
        worker.pause(f"second/{MODEL}", 3600)
        waiting = asyncio.create_task(worker.do(3, deadline=in_time(1)))
        assert isinstance(outcome(await waiting), JobExpired), "where none may be called it is waited for"
    assert not tiny.asked


async def test_the_paused_target_is_used_again() -> None:
    first = in_turn(http(429, {}, retry_after="0.2"), http())
    async with two_targets(first, in_turn(http(401))) as (_, _, worker):
        records = await worker.do(deadline=in_time())
    assert answered_by(records) == "tiny"
    assert [(call.provider, call.http_status) for call in calls(records)] == [
        ("tiny", 429),
        ("second", 401),
        ("tiny", 200),
    ]


async def test_two_paused_targets_are_not_called_endlessly() -> None:
    refusal = in_turn(http(429, {}, retry_after="0.3"))
    async with two_targets(refusal, refusal) as (tiny, other, worker):
        records = await worker.do(deadline=in_time(1))
    assert isinstance(outcome(records), JobExpired)
    assert len(tiny.asked) + len(other.asked) <= 8


async def test_a_fault_is_retried_before_the_fallback() -> None:
    async with two_targets(in_turn(http(500), http()), in_turn(http())) as (tiny, other, worker):
        assert answered_by(await worker.do(deadline=in_time())) == "tiny"
    assert (len(tiny.asked), len(other.asked)) == (2, 0)


@pytest.mark.stack
async def test_a_job_with_a_deadline_does_not_wait_for_capacity(kafka: Kafka) -> None:
    row = {"limits": {MODEL: {"requests": 1, "per_s": 600}}}
    async with (
        agreements(kafka, "one") as (shared,),
        two_targets(in_turn(http()), in_turn(http()), row=row, shared_limits=shared) as (_, _, worker),
        asyncio.timeout(60),
    ):
        ended = [answered_by(await worker.do(number, deadline=in_time())) for number in (1, 2, 3)]
    assert ended == ["tiny", "second", "second"]
    assert not shared.ledger.waiting, "and gives its place back"


async def test_milliseconds_are_waited_for() -> None:
    refusal = http(429, {}, retry_after_ms="200", retry_after="1")
    async with working(in_turn(refusal, http())) as (_, worker):
        records = await worker.do()
    assert answered_by(records) == "tiny"
    waited = calls(records)[0].retry_after_s
    assert waited is not None and 0.2 <= waited < 1, "not the whole second that the other header has"
